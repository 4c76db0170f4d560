import { setTimeout as pause } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'
import { is, SQL, sql } from 'drizzle-orm'
import { type ConstructorOptions, fromDrizzle, fromPglite, PgBoss } from 'pg-boss'
import type { OpenDatabase, Transaction } from '../db/database.ts'
import { type Consumer, startConsumer } from './consumer.ts'
import type { QueueName } from './jobs.ts'
import { startPollLoop } from './poll-loop.ts'
import type { Backlog, Queue } from './queue.ts'

const QUEUES: QueueName[] = ['prepare', 'prepare_long', 'span', 'clip', 'webhook']

/** Here it is told in which queue there are new jobs. */
const CHANNEL = 'jobs'
/** Nothing tells of a job whose pause is over, nor of one that comes back from a worker that died. */
const DUE_MS = 1_000

/** The least that pg-boss takes. A worker that died is noticed after this and one round of supervision. */
const HEARTBEAT_SECONDS = 10
const SUPERVISION_SECONDS = 5

/** What was aborted has so long to hand its job back by itself. */
const ABORT_MS = 2_000

/** Its statements are short, and few at a time. */
const CONNECTIONS = 3

const YEAR_SECONDS = 365 * 24 * 3600

const QUEUE_OPTIONS = {
  notify: false,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // How often a row's work may fail is counted in the row; a job only gives up where nobody counts.
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  expireInSeconds: 6 * 3600,
  retentionSeconds: YEAR_SECONDS,
  deleteAfterSeconds: 3600,
}

/**
 * pg-boss on the embedded database's own connection, or on a pool of its own. What a process does for all of its slots is one
 * statement: to take jobs, to say that they still run, and to look once a second for what nothing has told of.
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
    await rememberQueue(boss, name)
  }
  const takings: Consumer[] = []
  let listening: Promise<void> | undefined
  let draining: Promise<void> | undefined

  async function wakeDue(): Promise<boolean> {
    const names = takings.filter((taking) => taking.hasRoom()).map(({ name }) => name)
    if (names.length === 0) return false
    const { rows } = await boss.getDb().executeSql(DUE, [names])
    for (const { name } of rows) wake(name)
    return false
  }
  function wake(name: string) {
    for (const taking of takings) if (taking.name === name) taking.wake()
  }
  function wakeAll() {
    for (const taking of takings) taking.wake()
  }

  const failed = (error: unknown) => onError(error instanceof Error ? error : new Error(String(error)))
  const due = startPollLoop({ round: wakeDue, everyMs: DUE_MS, onError: failed })
  const beats = setInterval(() => {
    for (const taking of takings) taking.beat().catch(failed)
  }, HEARTBEAT_SECONDS * 500)

  function drain(graceMs: number): Promise<void> {
    draining ??= (async () => {
      await due.stop()
      const abort = setTimeout(() => {
        for (const taking of takings) taking.abort()
      }, graceMs)
      const ended = Promise.all(takings.map((taking) => taking.stop()))
      await Promise.race([ended, pause(graceMs + ABORT_MS, undefined, { ref: false })])
      clearTimeout(abort)
      clearInterval(beats)
      for (const taking of takings) await taking.giveBack()
    })()
    return draining
  }

  return {
    async enqueue(tx, name, jobs) {
      if (jobs.length === 0) return
      await boss.insert(
        name,
        jobs.map(({ data, priority = 0, delaySeconds = 0, group }) => ({
          data,
          priority,
          startAfter: Math.ceil(delaySeconds),
          ...(group !== undefined && { group: { id: group } }),
        })),
        { db: fromDrizzle(executor(tx), sql) },
      )
      const isNew = jobs.some(({ delaySeconds = 0 }) => delaySeconds <= 0)
      if (isNew) await tx.execute(sql`select pg_notify(${CHANNEL}, ${name})`)
    },

    async work(name, options, handle) {
      listening ??= listen(CHANNEL, { hear: wake, missed: wakeAll })
      await listening
      if (draining) return
      const taking = startConsumer({ boss, name, ...options, handle, onError: failed })
      takings.push(taking)
      taking.wake()
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

/** Of these queues, those that have a job which could be taken now. */
const DUE = `
  select name from unnest($1::text[]) as asked (name) where exists (
    select from pgboss.job
    where job.name = asked.name and job.state < 'active' and not job.blocked and job.start_after <= now())`

/** Jobs that are over have left the index that this reads. */
const BACKLOGS = `
  select name,
    count(*) filter (where state < 'active' and start_after <= now())::int as waiting,
    count(*) filter (where state = 'active')::int as running,
    coalesce(extract(epoch from now() - min(greatest(created_on, start_after))
      filter (where state < 'active' and start_after <= now())), 0)::float8 as oldest
  from pgboss.job where name = any($1::text[]) and state < 'completed' group by name`

function backlogIn(name: QueueName, rows: Record<string, unknown>[]): Backlog {
  const row = rows.find((one) => one.name === name)
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

/** `sslmode` then means to pg what it means to libpq, and to the service's own client: `require` asks for no trusted certificate. */
function likeLibpq(url: string): string {
  return /[?&]sslmode=/.test(url) ? `${url}&uselibpqcompat=true` : url
}

/**
 * pg-boss looks a queue up on its first use and keeps it. On the embedded database that look-up would wait for the
 * very transaction that `enqueue` runs in, so it is made here, by canceling a job that does not exist.
 */
async function rememberQueue(boss: PgBoss, name: QueueName) {
  await boss.cancel(name, '00000000-0000-0000-0000-000000000000')
}

/** pg-boss takes any answer of Drizzle's two drivers; Drizzle's own type for "either" says nothing. */
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
  throw new TypeError('the database driver answered in an unknown shape')
}
