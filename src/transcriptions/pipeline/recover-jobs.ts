import type { Database } from '../../db/database.ts'
import type { Queue } from '../../queue/queue.ts'
import { listOpen } from '../open-work.store.ts'
import { enqueuePrepare, enqueueSpans } from './span-jobs.ts'

/**
 * Makes jobs anew from the rows that still have work, and gives their number. Only for a database's one owner, at start:
 * it takes work away from whoever else might be at it, where others wait for a dead worker's heartbeat to be missed.
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
