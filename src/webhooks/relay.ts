import type { Database, OpenDatabase } from '../db/database.ts'
import type { Log } from '../log.ts'
import { startNotifiedLoop } from '../queue/notified-loop.ts'
import type { PollLoop } from '../queue/poll-loop.ts'
import type { Queue } from '../queue/queue.ts'
import { deliveryJob } from './deliver.ts'
import { claimWithoutJobs, deleteOldDeliveries } from './deliveries.store.ts'

const CHANNEL = 'deliveries'
const BATCH = 500
const ROUND_MS = 60_000
/** Finished deliveries are deleted after 30 days. */
const RETENTION_MS = 30 * 86_400_000

export type Relay = Pick<PollLoop, 'stop'>

/**
 * Enqueues a job for each pending delivery without one: at the start, when NOTIFY reports new ones, and every
 * minute. Several processes may run it concurrently. It also deletes old deliveries.
 */
export async function startRelay({
  db,
  queue,
  listen,
  log,
}: {
  db: Database
  queue: Queue
  listen: OpenDatabase['listen']
  log: Log
}): Promise<Relay> {
  const loop = await startNotifiedLoop({
    listen,
    channel: CHANNEL,
    pass: async () => (await relay({ db, queue })) === BATCH,
    everyMs: () => ROUND_MS,
    onError: (error) => log('cannot enqueue webhook messages; next attempt within a minute', error),
  })
  const timer = setInterval(
    () => deleteOldDeliveries(db, new Date(Date.now() - RETENTION_MS)).catch(() => {}),
    ROUND_MS,
  )

  return {
    async stop() {
      clearInterval(timer)
      await loop.stop()
    },
  }
}

/** Returns the number of enqueued jobs, at most a batch. */
async function relay({ db, queue }: { db: Database; queue: Queue }): Promise<number> {
  return db.transaction(async (tx) => {
    const claimed = await claimWithoutJobs(tx, BATCH)
    const jobs = claimed.flatMap(({ job, ...delivery }) => {
      if (job === null) return []
      const delaySeconds = Math.max(0, (delivery.dueAt.getTime() - Date.now()) / 1000)
      return [deliveryJob({ ...delivery, job }, delaySeconds)]
    })
    await queue.enqueue(tx, 'webhook', jobs)
    return claimed.length
  })
}
