import type { Database, Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Traces } from '../../traces/traces.ts'
import { isUuid } from '../../uuid.ts'
import { transcriptionNotFound } from '../owned.ts'
import { reopenSpans } from '../spans.store.ts'
import { findTranscription, isFinished, reopen, type Transcription } from '../transcriptions.store.ts'
import { finishIfDone } from './finish.ts'
import { decodeAgain } from './prepare-again.ts'
import { enqueuePrepare, enqueueSpans, rankOf } from './span-jobs.ts'

/**
 * Requeues a failed, canceled or stuck transcription: creates jobs for all spans that are not done, and
 * returns the new status. A failed or canceled one is decoded again, because its pcm was removed. Throws
 * `not_found`, `already_over` if it is completed, and `audio_removed`.
 */
export function createRequeue({
  db,
  queue,
  traces,
  log,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  traces: Traces
  log: Log
}) {
  async function renewJobs(
    tx: Transaction,
    { row, spans }: { row: Transcription; spans: Awaited<ReturnType<typeof reopenSpans>> },
  ) {
    const rank = await rankOf(tx, row)
    if (row.totalSamples === null) await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...rank }] })
    await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...rank })) })
  }

  return async (id: string): Promise<'queued' | 'processing' | 'completed'> => {
    const current = isUuid(id) ? await findTranscription(db, id) : null
    if (!current) throw transcriptionNotFound()
    if (current.status === 'completed') {
      throw new VerbatimError('already_over', 'The transcription is already completed')
    }
    if (current.audioRemovedAt) {
      throw new VerbatimError('audio_removed', 'The audio was removed: upload it again')
    }
    return db.transaction(async (tx) => {
      const spans = await reopenSpans(tx, id)
      const row = await reopen(tx, id)
      if (!row) {
        throw new VerbatimError('already_over', 'The transcription was completed or removed meanwhile')
      }
      if (await finishIfDone(tx, { row, traces, log })) return 'completed'
      if (isFinished(current)) await decodeAgain(tx, { queue, id })
      else await renewJobs(tx, { row, spans })
      return row.totalSamples === null ? 'queued' : 'processing'
    })
  }
}
