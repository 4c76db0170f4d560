import type { Database } from '../../db/database.ts'
import type { Queue } from '../../queue/queue.ts'
import { listOpen } from '../open-work.store.ts'
import { enqueuePrepare, enqueueSpans } from './span-jobs.ts'

/**
 * Drops all jobs, creates new ones from the rows with unfinished work, and returns their number. Only for the
 * start of the only process of a database, since it would take jobs away from other workers. Without it, the
 * jobs of a dead worker return after a missed heartbeat.
 */
export async function recoverJobs({ db, queue }: { db: Database; queue: Queue }): Promise<number> {
  await queue.clear()
  const { toPrepare, toTranscribe } = await listOpen(db)
  await db.transaction(async (tx) => {
    await enqueuePrepare(tx, { queue, recordings: toPrepare })
    await enqueueSpans(tx, { queue, spans: toTranscribe })
  })
  return toPrepare.length + toTranscribe.length
}
