import type { PGlite } from '@electric-sql/pglite'
import { is, SQL, sql } from 'drizzle-orm'
import { type ConstructorOptions, fromDrizzle, fromPglite, type Job, PgBoss } from 'pg-boss'
import type { Transaction } from '../db/database.ts'
import type { Backlog, Jobs, Queue, QueueName } from './queue.ts'

const QUEUES: QueueName[] = ['prepare', 'span', 'clip', 'webhook']

/** The least that pg-boss takes. A worker that died is noticed after this and one round of supervision. */
const HEARTBEAT_SECONDS = 10
const SUPERVISION_SECONDS = 5

const YEAR_SECONDS = 365 * 24 * 3600

const QUEUE_OPTIONS = {
  notify: true,
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

/** pg-boss on the embedded database's own connection, or on a pool of its own. */
export async function pgBossQueue({
  database,
  onError,
}: {
  database: { client: PGlite } | { url: string }
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
  const running = new Set<AbortController>()
  let stopping = false

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
    },

    async work<Name extends QueueName>(
      name: Name,
      { concurrency, perGroup }: { concurrency: number; perGroup?: number | undefined },
      handle: (data: Jobs[Name], signal: AbortSignal) => Promise<void>,
    ) {
      const run = async ([job]: Job<Jobs[Name]>[]) => {
        if (!job) return
        // Until pg-boss has stopped, what ends makes room for a job that nothing would abort any more.
        if (stopping) throw stopped()
        const control = new AbortController()
        running.add(control)
        try {
          await handle(job.data, AbortSignal.any([control.signal, job.signal]))
        } finally {
          running.delete(control)
        }
      }
      const options = { ...POLLING, ...(perGroup !== undefined && { groupConcurrency: perGroup }) }
      for (let slot = 0; slot < concurrency; slot++) {
        let worker: string | undefined
        worker = await boss.work<Jobs[Name]>(name, options, (jobs) =>
          run(jobs).finally(() => {
            // After a job that took less than the polling interval, pg-boss would wait for the rest of it.
            if (worker && !stopping) boss.notifyWorker(worker)
          }),
        )
      }
    },

    async backlogs() {
      const { rows } = await boss.getDb().executeSql(BACKLOGS, [QUEUES])
      return QUEUES.map((name) => backlogIn(name, rows))
    },

    async clear() {
      for (const name of QUEUES) await boss.deleteAllJobs(name)
    },

    async stop(graceMs) {
      stopping = true
      const abort = setTimeout(() => {
        for (const control of running) control.abort(stopped())
      }, graceMs)
      // pg-boss's own grace ends later, so that what was aborted can still be handed back.
      await boss.stop({ graceful: true, timeout: graceMs + 5_000 })
      clearTimeout(abort)
    },
  }
}

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

const stopped = () => new Error('the service is stopping')

const MAINTENANCE: Partial<ConstructorOptions> = {
  useListenNotify: true,
  schedule: false,
  superviseIntervalSeconds: SUPERVISION_SECONDS,
  monitorIntervalSeconds: SUPERVISION_SECONDS,
}

/** New jobs are announced; polling finds those whose pause is over. */
const POLLING = { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1 }

function connection(database: { client: PGlite } | { url: string }): ConstructorOptions {
  return 'client' in database
    ? { db: fromPglite(database.client), backend: 'pglite' }
    : { connectionString: likeLibpq(database.url), max: 5 }
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
