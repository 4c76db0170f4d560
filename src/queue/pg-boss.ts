import { setTimeout as sleep } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'
import { is, SQL, sql } from 'drizzle-orm'
import { type ConstructorOptions, fromDrizzle, fromPglite, PgBoss } from 'pg-boss'
import type { OpenDatabase, Transaction } from '../db/database.ts'
import { type Consumer, startConsumer } from './consumer.ts'
import type { NewJob, QueueName } from './jobs.ts'
import { type PollLoop, startPollLoop } from './poll-loop.ts'
import type { Backlog, Queue } from './queue.ts'

const QUEUES: QueueName[] = ['prepare', 'prepare_long', 'span', 'clip', 'webhook']

/** The payload is the name of a queue with new jobs. */
const CHANNEL = 'jobs'
/** Nothing notifies of a job whose delay has passed, or that a dead worker has lost. */
const DUE_POLL_MS = 1_000

/**
 * The minimum of pg-boss. A dead worker's jobs return to the queue after this time and at most one interval
 * of supervision.
 */
const HEARTBEAT_SECONDS = 10
const SUPERVISION_SECONDS = 5

/** Time for the handlers to settle after their signals have fired, before their jobs are released. */
const ABORT_MS = 2_000

/** The queue's statements are short, and few run at a time. */
const CONNECTIONS = 3

const YEAR_SECONDS = 365 * 24 * 3600

const QUEUE_OPTIONS = {
  notify: false,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // Effectively unlimited: the row that a job names counts failures, and decides when to give up.
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  expireInSeconds: 6 * 3600,
  retentionSeconds: YEAR_SECONDS,
  deleteAfterSeconds: 3600,
}

/**
 * pg-boss on the embedded database's own connection, or on its own connection pool. A process sends one
 * statement for all of its slots: to fetch jobs, to send heartbeats, and once a second to find due jobs
 * (docs/decisions/0003-own-consumer-on-pg-boss.md).
 */
export async function pgBossQueue({
  database,
  listen,
  onError,
}: {
  database: { client: PGlite } | { url: string }
  listen: OpenDatabase['listen']
  onError: (error: Error) => void
}): Promise<Queue> {
  const boss = new PgBoss({ ...connection(database), ...MAINTENANCE })
  boss.on('error', onError)
  await boss.start()
  for (const name of QUEUES) {
    await boss.createQueue(name, QUEUE_OPTIONS)
    await boss.updateQueue(name, QUEUE_OPTIONS)
    await cacheQueue(boss, name)
  }
  const consumers: Consumer[] = []
  let listening: Promise<void> | undefined
  let draining: Promise<void> | undefined

  const wake = (name: string) => wakeQueue(consumers, name)
  function wakeAll() {
    for (const consumer of consumers) consumer.wake()
  }

  const reportError = (error: unknown) => onError(error instanceof Error ? error : new Error(String(error)))
  const dueLoop = startPollLoop({
    pass: () => wakeDue(boss, consumers),
    everyMs: DUE_POLL_MS,
    onError: reportError,
  })
  const heartbeats = setInterval(
    () => {
      for (const consumer of consumers) consumer.heartbeat().catch(reportError)
    },
    (HEARTBEAT_SECONDS / 2) * 1000,
  )

  function drain(graceMs: number): Promise<void> {
    draining ??= drainConsumers({ consumers, dueLoop, heartbeats, graceMs })
    return draining
  }

  return {
    enqueue: (tx, name, jobs) => enqueueJobs(boss, tx, name, jobs),

    async work(name, options, handle) {
      listening ??= listen(CHANNEL, { hear: wake, missed: wakeAll })
      await listening
      if (draining) return
      const consumer = startConsumer({ boss, name, ...options, handle, onError: reportError })
      consumers.push(consumer)
      consumer.wake()
    },

    async backlogs() {
      const { rows } = await boss.getDb().executeSql(BACKLOGS, [QUEUES])
      return QUEUES.map((name) => backlogIn(name, rows))
    },

    async clear() {
      for (const name of QUEUES) await boss.deleteAllJobs(name)
    },

    drain,

    async stop(graceMs) {
      await drain(graceMs)
      await boss.stop({ graceful: true, timeout: 1_000 })
    },
  }
}

/** Wakes the consumers of queues with due jobs. Returns false: the next interval is soon enough. */
async function wakeDue(boss: PgBoss, consumers: Consumer[]): Promise<boolean> {
  const names = consumers.filter((consumer) => consumer.hasFreeSlot()).map(({ name }) => name)
  if (names.length === 0) return false
  const { rows } = await boss.getDb().executeSql(DUE, [names])
  for (const { name } of rows) wakeQueue(consumers, name)
  return false
}

function wakeQueue(consumers: Consumer[], name: string) {
  for (const consumer of consumers) if (consumer.name === name) consumer.wake()
}

async function drainConsumers({
  consumers,
  dueLoop,
  heartbeats,
  graceMs,
}: {
  consumers: Consumer[]
  dueLoop: PollLoop
  heartbeats: ReturnType<typeof setInterval>
  graceMs: number
}) {
  await dueLoop.stop()
  const abort = setTimeout(() => {
    for (const consumer of consumers) consumer.abort()
  }, graceMs)
  const stopped = Promise.all(consumers.map((consumer) => consumer.stop()))
  await Promise.race([stopped, sleep(graceMs + ABORT_MS, undefined, { ref: false })])
  clearTimeout(abort)
  clearInterval(heartbeats)
  for (const consumer of consumers) await consumer.release()
}

async function enqueueJobs<Name extends QueueName>(
  boss: PgBoss,
  tx: Transaction,
  name: Name,
  jobs: NewJob<Name>[],
): Promise<void> {
  if (jobs.length === 0) return
  const rows = jobs.map(({ data, priority = 0, delaySeconds = 0, group }) => ({
    data,
    priority,
    startAfter: Math.ceil(delaySeconds),
    ...(group !== undefined && { group: { id: group } }),
  }))
  await boss.insert(name, rows, { db: fromDrizzle(executor(tx), sql) })
  const isDue = jobs.some(({ delaySeconds = 0 }) => delaySeconds <= 0)
  if (isDue) await tx.execute(sql`select pg_notify(${CHANNEL}, ${name})`)
}

/** The queues of a list that have a due job. */
const DUE = `
  select name from unnest($1::text[]) as queue (name) where exists (
    select from pgboss.job
    where job.name = queue.name and job.state < 'active' and not job.blocked and job.start_after <= now())`

/** `state < 'completed'` matches a partial index of pg-boss, which finished jobs have left. */
const BACKLOGS = `
  select name,
    count(*) filter (where state < 'active' and start_after <= now())::int as waiting,
    count(*) filter (where state = 'active')::int as running,
    coalesce(extract(epoch from now() - min(greatest(created_on, start_after))
      filter (where state < 'active' and start_after <= now())), 0)::float8 as oldest
  from pgboss.job where name = any($1::text[]) and state < 'completed' group by name`

function backlogIn(name: QueueName, rows: Record<string, unknown>[]): Backlog {
  const row = rows.find((row) => row.name === name)
  return {
    name,
    waiting: Number(row?.waiting ?? 0),
    running: Number(row?.running ?? 0),
    oldestSeconds: Number(row?.oldest ?? 0),
  }
}

const MAINTENANCE: Partial<ConstructorOptions> = {
  schedule: false,
  superviseIntervalSeconds: SUPERVISION_SECONDS,
  monitorIntervalSeconds: SUPERVISION_SECONDS,
}

function connection(database: { client: PGlite } | { url: string }): ConstructorOptions {
  return 'client' in database
    ? { db: fromPglite(database.client), backend: 'pglite' }
    : { connectionString: likeLibpq(database.url), max: CONNECTIONS }
}

/** Makes pg read `sslmode` as libpq and the service's own client do: `require` accepts any certificate. */
function likeLibpq(url: string): string {
  return /[?&]sslmode=/.test(url) ? `${url}&uselibpqcompat=true` : url
}

/**
 * pg-boss reads a queue's row on first use and caches it. On the embedded database that read would wait for
 * the transaction in which `enqueue` runs: a deadlock. Canceling a job that does not exist fills the cache
 * before.
 */
async function cacheQueue(boss: PgBoss, name: QueueName) {
  await boss.cancel(name, '00000000-0000-0000-0000-000000000000')
}

/** pg-boss accepts the results of both Drizzle drivers, whose common type in Drizzle is `unknown`. */
function executor(tx: Transaction) {
  return {
    async execute(query: unknown) {
      if (!is(query, SQL)) throw new TypeError('expected an SQL object')
      const result = await tx.execute(query)
      return Array.isArray(result) ? result : rowsOf(result)
    },
  }
}

function rowsOf(result: unknown): { rows: unknown[] } {
  if (typeof result === 'object' && result !== null && 'rows' in result && Array.isArray(result.rows)) {
    return { rows: result.rows }
  }
  throw new TypeError('the database driver returned a result without rows')
}
