import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Queue } from '../queue/queue.ts'
import type { Traces } from '../traces/traces.ts'
import { isUuid } from '../uuid.ts'
import { finishIfDone } from './finish.ts'
import { enqueueSpans, prepareJob, turnOf } from './span-jobs.ts'
import { reopenSpans } from './spans.store.ts'
import { findTranscription, reopen } from './transcriptions.store.ts'

/**
 * Puts a transcription to work again that has failed, was canceled, or is stuck, with new jobs for all that is not done.
 * Gives its status. Throws `not_found`, `already_over` where it is completed, and `audio_removed`.
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
      const turn = await turnOf(tx, row)
      if (row.totalSamples === null) await queue.enqueue(tx, 'prepare', [prepareJob({ id, ...turn })])
      await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...turn })) })
      await finishIfDone(tx, { row, traces })
      return row.totalSamples === null ? 'queued' : 'processing'
    })
  }
}
