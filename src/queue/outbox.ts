import { asc, inArray } from 'drizzle-orm'
import type { Database, OpenDatabase } from '../db/database.ts'
import { outbox } from '../db/schema.ts'
import type { Log } from '../log.ts'
import { startNotifiedLoop } from './notified-loop.ts'
import type { PollLoop } from './poll-loop.ts'
import type { Queue } from './queue.ts'

const CHANNEL = 'outbox'
const BATCH = 500
/** A lost notification delays a job by at most this long. */
const POLL_MS = 60_000

/** Writes jobs to the outbox table, for a process that cannot reach the queue: the edge API. */
export function outboxQueue(): Pick<Queue, 'enqueue'> {
  return {
    async enqueue(tx, name, jobs) {
      if (jobs.length > 0) await tx.insert(outbox).values(jobs.map((job) => ({ queue: name, job })))
    },
  }
}

/**
 * Moves jobs from the outbox to the queue, when NOTIFY reports new ones and every minute. Several processes
 * may do so at once. The delay of a job starts when it is moved.
 */
export function startTakeover({
  db,
  queue,
  listen,
  log,
}: {
  db: Database
  queue: Pick<Queue, 'enqueue'>
  listen: OpenDatabase['listen']
  log: Log
}): Promise<Pick<PollLoop, 'stop'>> {
  return startNotifiedLoop({
    listen,
    channel: CHANNEL,
    pass: async () => (await moveBatch({ db, queue })) === BATCH,
    everyMs: () => POLL_MS,
    onError: (error) => log('cannot read the outbox: uploads wait; next attempt within a minute', error),
  })
}

/** Returns the number of moved jobs. */
async function moveBatch({ db, queue }: { db: Database; queue: Pick<Queue, 'enqueue'> }): Promise<number> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .select()
      .from(outbox)
      .orderBy(asc(outbox.id))
      .limit(BATCH)
      .for('update', { skipLocked: true })
    const ids = rows.map(({ id }) => id)
    await tx.delete(outbox).where(inArray(outbox.id, ids))
    for (const [name, ofQueue] of Map.groupBy(rows, (row) => row.queue)) {
      const jobs = ofQueue.map(({ job }) => job)
      await queue.enqueue(tx, name, jobs)
    }
    return rows.length
  })
}
