import type { Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Queue } from '../../queue/queue.ts'
import { isPieceDecoded } from '../envelopes.store.ts'
import { type Claim, releaseSpan, type Span } from '../spans.store.ts'
import { audioKey } from '../storage-keys.ts'
import { countFailure, fail, findTranscription, isFinished } from '../transcriptions.store.ts'
import { forgetDecoded } from './decoded.store.ts'
import { type PcmMissing, removePcm } from './pcm.ts'
import { enqueuePrepare, rankOf } from './span-jobs.ts'
import type { WorkServices } from './work-services.ts'

/** How often the pcm of one transcription may be lost. */
const MAX_FAILURES = 5

/**
 * A span's pcm is missing, as after a restore or in a bucket that was copied in part: the audio is decoded again, unless that
 * has begun already, and the span gets a new job once its pcm is there. Finished spans stay finished. Throws `audio_missing` if
 * the original is missing too.
 */
export async function prepareAgain(
  services: WorkServices,
  { span, claim, missing }: { span: Span; claim: Claim; missing: PcmMissing },
): Promise<void> {
  const { db, queue, storage, log } = services
  const id = span.transcriptionId
  if ((await storage.size(audioKey(id))) === null) throw audioMissing(missing)
  const outcome = await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim, failed: false })) === null) return 'taken away'
    const row = await findTranscription(tx, id)
    if (!row || isFinished(row)) return 'over'
    // While it is being decoded, a piece without an envelope is still to come.
    if (row.totalSamples === null && !(await isPieceDecoded(tx, { id, ...missing }))) return 'not yet decoded'
    if ((await countFailure(tx, id)) > MAX_FAILURES) {
      await fail(tx, { id, code: 'internal', message: 'The decoded audio was lost, several times' })
      return 'failed'
    }
    await decodeAgain(tx, { queue, id })
    return 'begun'
  })
  if (outcome === 'begun') log(`the pcm of ${id} is missing: its audio is decoded again`)
  if (outcome === 'failed') await removePcm(services, id)
}

/**
 * Has the audio of an open transcription decoded again. Its spans stay as they are; prepare makes the jobs of those that are
 * not done, each once its pcm is stored.
 */
export async function decodeAgain(
  tx: Transaction,
  { queue, id }: { queue: Pick<Queue, 'enqueue'>; id: string },
): Promise<void> {
  const row = await forgetDecoded(tx, id)
  if (!row) return
  await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...(await rankOf(tx, row)) }] })
}

export function audioMissing(cause: unknown) {
  return new VerbatimError('audio_missing', 'The audio is missing: upload it again', { cause })
}
