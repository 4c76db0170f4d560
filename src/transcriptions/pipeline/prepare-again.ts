import type { Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Queue } from '../../queue/queue.ts'
import { isPieceDecoded } from '../envelopes.store.ts'
import { type Claim, releaseSpan, type Span } from '../spans.store.ts'
import { audioKey } from '../storage-keys.ts'
import { countFailure, fail, findTranscription, isFinished } from '../transcriptions.store.ts'
import { resetDecoded } from './decoded.store.ts'
import { type PcmMissing, removePcm } from './pcm.ts'
import { enqueuePrepare, rankOf } from './span-jobs.ts'
import type { WorkServices } from './work-services.ts'

/** How often one transcription is decoded again before it fails. */
const MAX_REDECODES = 5

/**
 * Handles a span whose pcm is missing, for example after a restore or in a partly copied bucket. Decodes the
 * audio again, unless that has started already; prepare then enqueues the span. Finished spans stay finished.
 * Throws `audio_missing` if the original is missing too.
 */
export async function prepareAgain(
  services: WorkServices,
  { span, claim, missing }: { span: Span; claim: Claim; missing: PcmMissing },
): Promise<void> {
  const { db, queue, storage, log } = services
  const id = span.transcriptionId
  if ((await storage.size(audioKey(id))) === null) throw audioMissing(missing)
  const outcome = await db.transaction(async (tx) => {
    if ((await releaseSpan(tx, { claim, failed: false })) === null) return 'claim lost'
    const row = await findTranscription(tx, id)
    if (!row || isFinished(row)) return 'finished'
    // While the audio is decoded, a piece without an envelope is not lost: it is still to come.
    if (row.totalSamples === null && !(await isPieceDecoded(tx, { id, ...missing }))) return 'not yet decoded'
    if ((await countFailure(tx, id)) > MAX_REDECODES) {
      await fail(tx, { id, code: 'internal', message: 'The decoded audio was lost several times' })
      return 'failed'
    }
    await decodeAgain(tx, { queue, id })
    return 'restarted'
  })
  if (outcome === 'restarted') log(`the pcm of ${id} is missing: decoding its audio again`)
  if (outcome === 'failed') await removePcm(services, id)
}

/**
 * Enqueues the decoding of an open transcription's audio. Its spans stay; prepare enqueues each one that is
 * not done when its pcm is stored.
 */
export async function decodeAgain(
  tx: Transaction,
  { queue, id }: { queue: Pick<Queue, 'enqueue'>; id: string },
): Promise<void> {
  const row = await resetDecoded(tx, id)
  if (!row) return
  await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...(await rankOf(tx, row)) }] })
}

export function audioMissing(cause: unknown) {
  return new VerbatimError('audio_missing', 'The audio is missing: upload it again', { cause })
}
