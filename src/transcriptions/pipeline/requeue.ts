import type { Database, Transaction } from '../../db/database.ts'
import { VerbatimError } from '../../errors.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Traces } from '../../traces/traces.ts'
import { isUuid } from '../../uuid.ts'
import { reopenSpans } from '../spans.store.ts'
import { findTranscription, isFinished, reopen, type Transcription } from '../transcriptions.store.ts'
import { finishIfDone } from './finish.ts'
import { decodeAgain } from './prepare-again.ts'
import { enqueuePrepare, enqueueSpans, rankOf } from './span-jobs.ts'

/**
 * Puts a transcription to work again that has failed, was canceled, or is stuck, with new jobs for all that is not done.
 * Of one that has failed or was canceled the pcm was removed: it is decoded again. Gives its status. Throws `not_found`,
 * `already_over` where it is completed, and `audio_removed`.
 */
export function createRequeue({
  db,
  queue,
  traces,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  traces: Traces
}) {
  async function renewJobs(
    tx: Transaction,
    { row, spans }: { row: Transcription; spans: Awaited<ReturnType<typeof reopenSpans>> },
  ) {
    const turn = await rankOf(tx, row)
    if (row.totalSamples === null) await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...turn }] })
    await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...turn })) })
  }

  return async (id: string): Promise<'queued' | 'processing' | 'completed'> => {
    const found = isUuid(id) ? await findTranscription(db, id) : null
    if (!found) throw new VerbatimError('not_found', 'Transcription not found')
    if (found.status === 'completed') {
      throw new VerbatimError('already_over', 'The transcription is completed already')
    }
    if (found.audioRemovedAt) {
      throw new VerbatimError('audio_removed', 'The audio was removed: there is nothing left to transcribe')
    }
    return db.transaction(async (tx) => {
      const spans = await reopenSpans(tx, id)
      const row = await reopen(tx, id)
      if (!row)
        throw new VerbatimError('already_over', 'The transcription was completed or removed meanwhile')
      if (await finishIfDone(tx, { row, traces })) return 'completed'
      if (isFinished(found)) await decodeAgain(tx, { queue, id })
      else await renewJobs(tx, { row, spans })
      return row.totalSamples === null ? 'queued' : 'processing'
    })
  }
}
