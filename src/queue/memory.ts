import { sql } from 'drizzle-orm'
import type { Transaction } from '../db/database.ts'
import { type Consumer, startConsumer } from './consumer.ts'
import { drainConsumers } from './drain.ts'
import { type NewJob, QUEUES, type QueueName } from './jobs.ts'
import { CHANNEL, type MemoryJobs, type NotifiedJob } from './memory-jobs.ts'
import type { Queue } from './queue.ts'

/** The payload of a notification has less than 8,000 bytes, and a job about 250. */
const JOBS_PER_NOTIFICATION = 20

/**
 * Jobs in the memory of the only process of a database, for the embedded database: the rows that jobs name
 * are durable, and each start writes their jobs anew (`recoverJobs`, and the relay of webhooks). `enqueue` sends
 * the jobs by NOTIFY, which Postgres delivers when the transaction commits, and drops with a rollback.
 */
export function memoryQueue({
  jobs,
  onError,
}: {
  jobs: MemoryJobs
  onError: (error: unknown) => void
}): Queue {
  const consumers: Consumer[] = []
  const unsubscribes: (() => void)[] = []
  let draining: Promise<void> | undefined

  function drain(graceMs: number): Promise<void> {
    for (const unsubscribe of unsubscribes.splice(0)) unsubscribe()
    draining ??= drainConsumers(consumers, graceMs)
    return draining
  }

  return {
    enqueue: notifyJobs,

    async work(name, options, handle) {
      if (draining) return
      const { source, subscribe } = jobs[name]
      const consumer = startConsumer({ source, name, ...options, handle, onError })
      consumers.push(consumer)
      unsubscribes.push(subscribe(consumer.wake))
      consumer.wake()
    },

    async backlogs() {
      return QUEUES.map((name) => ({ name, ...jobs[name].backlog() }))
    },

    async clear() {
      for (const name of QUEUES) jobs[name].clear()
    },

    drain,
    stop: drain,
  }
}

async function notifyJobs<Name extends QueueName>(
  tx: Transaction,
  queue: Name,
  jobs: NewJob<Name>[],
): Promise<void> {
  if (jobs.length === 0) return
  const notified = jobs.map((job): NotifiedJob<Name> => {
    const dueAt = Date.now() + 1000 * (job.delaySeconds ?? 0)
    return { id: crypto.randomUUID(), queue, job, dueAt }
  })
  const payloads: string[] = []
  for (let at = 0; at < notified.length; at += JOBS_PER_NOTIFICATION) {
    payloads.push(JSON.stringify(notified.slice(at, at + JOBS_PER_NOTIFICATION)))
  }
  await tx.execute(
    sql`select pg_notify(${CHANNEL}, payload) from jsonb_array_elements_text(${JSON.stringify(payloads)}::jsonb) as payload`,
  )
}
