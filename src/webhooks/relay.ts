import type { Database, OpenDatabase } from '../db/database.ts'
import type { Queue } from '../queue/queue.ts'
import { deliveryJob } from './deliver.ts'
import { removeOld, takeJobless } from './deliveries.store.ts'

const CHANNEL = 'deliveries'
const BATCH = 500
const ROUND_MS = 60_000
const KEPT_MS = 30 * 86_400_000

export type Relay = {
  /** Resolves once it does nothing any more. */
  stop(): Promise<void>
}

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
  log: (line: string, error?: unknown) => void
}): Promise<Relay> {
  let stopping = false
  let running: Promise<void> | null = null
  let again = false

  async function rounds() {
    do {
      again = false
      while (!stopping && (await relay({ db, queue })) === BATCH);
    } while (again && !stopping)
  }

  /** One round at a time; what comes meanwhile is looked at behind it. */
  function wake() {
    again = true
    if (running || stopping) return
    running = rounds()
      .catch((error) =>
        log('webhooks wait, as they cannot be read; they are tried again within a minute', error),
      )
      .finally(() => {
        running = null
      })
  }

  await listen(CHANNEL, { hear: wake, missed: wake })
  wake()
  const timer = setInterval(() => {
    wake()
    removeOld(db, new Date(Date.now() - KEPT_MS)).catch(() => {})
  }, ROUND_MS)

  return {
    async stop() {
      stopping = true
      clearInterval(timer)
      await running
    },
  }
}

/** Gives how many there were, at most a batch. */
async function relay({ db, queue }: { db: Database; queue: Queue }): Promise<number> {
  return db.transaction(async (tx) => {
    const found = await takeJobless(tx, BATCH)
    const jobs = found.flatMap(({ job, ...rest }) =>
      job === null
        ? []
        : [deliveryJob({ ...rest, job }, Math.max(0, (rest.dueAt.getTime() - Date.now()) / 1000))],
    )
    await queue.enqueue(tx, 'webhook', jobs)
    return found.length
  })
}
