import { VerbatimError } from '../errors.ts'
import { audioKey } from './keys.ts'
import type { PcmMissing } from './pcm.ts'
import { enqueueSpans, prepareJob, turnOf } from './span-jobs.ts'
import { type Claim, releaseSpan, type Span } from './spans.store.ts'
import {
  countFailure,
  fail,
  findTranscription,
  forgetDecoded,
  isPieceDecoded,
} from './transcriptions.store.ts'
import type { WorkServices } from './work-services.ts'

/** How long a span waits for its pcm before it looks again. */
const LOOK_AGAIN_SECONDS = 5
/** How often the pcm of one transcription may be lost. */
const MAX_FAILURES = 5

/**
 * A span's pcm is missing, as after a restore or in a bucket that was copied in part: the span waits, and the audio is decoded
 * again, unless that has begun already. Finished spans stay finished. Throws `audio_missing` if the original is missing too.
 */
export async function prepareAgain(
  { db, queue, storage, log }: WorkServices,
  { span, claim, missing }: { span: Span; claim: Claim; missing: PcmMissing },
): Promise<void> {
  const id = span.transcriptionId
  if ((await storage.size(audioKey(id))) === null) throw audioMissing(missing)
  const isBegun = await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim, failed: false })) === null) return false
    const row = await findTranscription(tx, id)
    if (!row) return false
    const turn = await turnOf(tx, row)
    await enqueueSpans(tx, { queue, spans: [{ ...span, ...turn }], delaySeconds: LOOK_AGAIN_SECONDS })
    // While it is being decoded, a piece without an envelope is still to come.
    if (row.totalSamples === null && !(await isPieceDecoded(tx, { id, ...missing }))) return false
    if ((await countFailure(tx, id)) > MAX_FAILURES) {
      await fail(tx, { id, code: 'internal', message: 'The decoded audio was lost, several times' })
      return false
    }
    await forgetDecoded(tx, id)
    await queue.enqueue(tx, 'prepare', [prepareJob({ id, ...turn })])
    return true
  })
  if (isBegun) log(`the pcm of ${id} is missing: its audio is decoded again`)
}

export function audioMissing(cause: unknown) {
  return new VerbatimError('audio_missing', 'The audio is missing: upload it again', { cause })
}
