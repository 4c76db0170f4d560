import { asc, inArray } from 'drizzle-orm'
import type { Database, OpenDatabase } from '../db/database.ts'
import { outbox } from '../db/schema.ts'
import type { Log } from '../log.ts'
import { type PollLoop, startPollLoop } from './poll-loop.ts'
import type { Queue } from './queue.ts'

const CHANNEL = 'outbox'
const BATCH = 500
const ROUND_MS = 60_000

/** Writes jobs down for workers to take over: for a process that cannot have the queue itself. */
export function outboxQueue(): Pick<Queue, 'enqueue'> {
  return {
    async enqueue(tx, name, jobs) {
      if (jobs.length > 0) await tx.insert(outbox).values(jobs.map((job) => ({ queue: name, job })))
    },
  }
}

/**
 * Takes jobs from the outbox over into the queue: those that lie there, whenever the database tells of new ones, and
 * every minute. Several processes may do so at once. A pause that a job is to make begins when it is taken over.
 */
export async function startTakeover({
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
  const rounds = startPollLoop({
    round: async () => (await takeOver({ db, queue })) === BATCH,
    everyMs: ROUND_MS,
    onError: (error) =>
      log('uploads wait, as the outbox cannot be read; it is tried again within a minute', error),
  })
  await listen(CHANNEL, { hear: rounds.wake, missed: rounds.wake })
  rounds.wake()
  return rounds
}

/** Gives how many there were, at most a batch. */
async function takeOver({ db, queue }: { db: Database; queue: Pick<Queue, 'enqueue'> }): Promise<number> {
  return db.transaction(async (tx) => {
    const taken = await tx
      .select()
      .from(outbox)
      .orderBy(asc(outbox.id))
      .limit(BATCH)
      .for('update', { skipLocked: true })
    const ids = taken.map(({ id }) => id)
    await tx.delete(outbox).where(inArray(outbox.id, ids))
    for (const [name, rows] of Map.groupBy(taken, (row) => row.queue)) {
      await queue.enqueue(
        tx,
        name,
        rows.map(({ job }) => job),
      )
    }
    return taken.length
  })
}
