import type { Database, OpenDatabase } from '../db/database.ts'
import type { Log } from '../log.ts'
import { type PollLoop, startPollLoop } from '../queue/poll-loop.ts'
import type { Queue } from '../queue/queue.ts'
import { deliveryJob } from './deliver.ts'
import { claimWithoutJobs, deleteOldDeliveries } from './deliveries.store.ts'

const CHANNEL = 'deliveries'
const BATCH = 500
const ROUND_MS = 60_000
const KEPT_MS = 30 * 86_400_000

export type Relay = Pick<PollLoop, 'stop'>

/**
 * Gives a job to each message that has none: now, whenever the database tells of new ones, and every minute. Several
 * processes may do so at once. Messages that are over are kept for 30 days.
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
  const rounds = startPollLoop({
    round: async () => (await relay({ db, queue })) === BATCH,
    everyMs: ROUND_MS,
    onError: (error) =>
      log('webhooks wait, as they cannot be read; they are tried again within a minute', error),
  })
  await listen(CHANNEL, { hear: rounds.wake, missed: rounds.wake })
  rounds.wake()
  const timer = setInterval(
    () => deleteOldDeliveries(db, new Date(Date.now() - KEPT_MS)).catch(() => {}),
    ROUND_MS,
  )

  return {
    async stop() {
      clearInterval(timer)
      await rounds.stop()
    },
  }
}

/** Gives how many there were, at most a batch. */
async function relay({ db, queue }: { db: Database; queue: Queue }): Promise<number> {
  return db.transaction(async (tx) => {
    const found = await claimWithoutJobs(tx, BATCH)
    const jobs = found.flatMap(({ job, ...rest }) =>
      job === null
        ? []
        : [deliveryJob({ ...rest, job }, Math.max(0, (rest.dueAt.getTime() - Date.now()) / 1000))],
    )
    await queue.enqueue(tx, 'webhook', jobs)
    return found.length
  })
}
