import { createHash } from 'node:crypto'
import { is, SQL, sql } from 'drizzle-orm'
import { type ConstructorOptions, fromDrizzle, type JobWithMetadata, PgBoss, systemClock } from 'pg-boss'
import type { OpenDatabase, Transaction } from '../db/database.ts'
import { type Consumer, type FetchedJob, type JobSource, startConsumer } from './consumer.ts'
import { drainConsumers } from './drain.ts'
import { type Jobs, type NewJob, QUEUES, type QueueName } from './jobs.ts'
import { startPollLoop } from './poll-loop.ts'
import type { Backlog, Queue } from './queue.ts'

/**
 * pg-boss notifies this channel in the statement that inserts jobs that are due. Its name is derived from
 * pg-boss's schema; the payload is the name of the queue.
 */
const CHANNEL = `pgboss_${createHash('sha224').update('pgboss').digest('hex').slice(0, 24)}`
/**
 * Nothing notifies of a job whose delay has passed, or that a dead worker has lost, and a notification can be lost. The
 * process that delayed a job fetches it in time, by a timer of its own; another process notices it with this interval.
 */
const DUE_POLL_MS = { unfinished: 5_000, none: 60_000 }
/** A timer must not be earlier than the database's clock. */
const DUE_MARGIN_MS = 100

/** The minimum of pg-boss. A dead worker's jobs return to the queue after this time and at most 5 s. */
const HEARTBEAT_SECONDS = 10
/** A pass of pg-boss's own supervision takes about 15 statements. It also runs as soon as a dead worker is noticed. */
const SUPERVISION_SECONDS = { regular: 300, least: 5 }
const SELDOM_SECONDS = 3_600
/** pg-boss counts the running jobs of its own workers every two seconds. It has none here. */
const SHORTEST_INTERVAL_MS = 60_000

/** How long finished jobs are collected before they are deleted. */
const DELETION_MS = 50

/** The queue's statements are short, and few run at a time. */
const CONNECTIONS = 3

const YEAR_SECONDS = 365 * 24 * 3600

const QUEUE_OPTIONS = {
  notify: true,
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
 * pg-boss on its own connection pool. A process sends one statement for all of its slots: to fetch jobs, to
 * send heartbeats, and every five seconds to find due and lost jobs (docs/decisions/0003-own-consumer-on-pg-boss.md).
 * `supervises`: this process returns the jobs of dead workers to the queue.
 */
export async function pgBossQueue({
  url,
  supervises = true,
  listen,
  onError,
}: {
  url: string
  supervises?: boolean
  listen: OpenDatabase['listen']
  onError: (error: Error) => void
}): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: likeLibpq(url),
    max: CONNECTIONS,
    supervise: supervises,
    ...MAINTENANCE,
  })
  boss.on('error', onError)
  await boss.start()
  for (const name of QUEUES) {
    await boss.createQueue(name, QUEUE_OPTIONS)
    await boss.updateQueue(name, QUEUE_OPTIONS)
  }
  const consumers: Consumer[] = []
  let listening: Promise<void> | undefined
  let draining: Promise<void> | undefined
  let hasUnfinished = true
  let isStirred = false

  const wake = (name: string) => wakeQueue(consumers, name)
  /** There may be unfinished jobs again. */
  function stir() {
    isStirred = true
    if (!hasUnfinished) dueLoop.wake()
  }
  const wakeLater = (name: string, seconds: number) =>
    void setTimeout(wake, 1000 * seconds + DUE_MARGIN_MS, name).unref()
  function onFetched() {
    heartbeats.start()
    stir()
  }

  const reportError = (error: unknown) => onError(error instanceof Error ? error : new Error(String(error)))
  const dueLoop = startPollLoop({
    async pass() {
      isStirred = false
      if (consumers.length > 0) {
        const isFound = await handleDueAndLost(boss, consumers, { wakeLater })
        hasUnfinished = isFound || isStirred
      }
      return false
    },
    everyMs: () => DUE_POLL_MS[hasUnfinished && consumers.length > 0 ? 'unfinished' : 'none'],
    onError: reportError,
  })
  const heartbeats = createHeartbeats(consumers, reportError)

  function drain(graceMs: number): Promise<void> {
    draining ??= (async () => {
      await dueLoop.stop()
      await drainConsumers(consumers, graceMs)
      heartbeats.stop()
    })()
    return draining
  }

  return {
    async enqueue(tx, name, jobs) {
      await enqueueJobs(boss, tx, name, jobs)
      const delays = new Set(jobs.map(({ delaySeconds = 0 }) => Math.ceil(delaySeconds)))
      for (const seconds of delays) if (seconds > 0) wakeLater(name, seconds)
    },

    async work(name, options, handle) {
      listening ??= listen(CHANNEL, {
        hear(queue) {
          wake(queue)
          stir()
        },
        missed() {
          for (const consumer of consumers) consumer.wake()
          stir()
        },
      })
      await listening
      if (draining) return
      const consumer = startConsumer({
        source: jobSource(boss, { name, wakeLater, onFetched, onError: reportError }),
        name,
        ...options,
        handle,
        onError: reportError,
      })
      consumers.push(consumer)
      consumer.wake()
      dueLoop.wake()
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

/** Sends the heartbeats of all running jobs. `start` is called when jobs are fetched. */
function createHeartbeats(consumers: Consumer[], onError: (error: unknown) => void) {
  let timer: ReturnType<typeof setInterval> | undefined

  function beat() {
    if (consumers.every((consumer) => consumer.isIdle())) return stop()
    for (const consumer of consumers) consumer.heartbeat().catch(onError)
  }

  function stop() {
    clearInterval(timer)
    timer = undefined
  }

  return {
    start() {
      timer ??= setInterval(beat, (HEARTBEAT_SECONDS / 2) * 1000)
    },
    stop,
  }
}

/**
 * Wakes the consumers of queues with due jobs, and returns the jobs of dead workers to their queues. Returns whether
 * any queue has unfinished jobs.
 */
async function handleDueAndLost(
  boss: PgBoss,
  consumers: Consumer[],
  { wakeLater }: { wakeLater: (name: string, seconds: number) => void },
): Promise<boolean> {
  const names = consumers.map(({ name }) => name)
  const { rows } = await boss.getDb().executeSql(DUE_OR_LOST, [names])
  for (const { name, isDue } of rows) if (isDue) wakeQueue(consumers, name)
  for (const { name, isLost } of rows) {
    if (!isLost) continue
    await boss.supervise(name)
    wakeLater(name, QUEUE_OPTIONS.retryDelay)
  }
  return rows.some(({ isUnfinished }) => isUnfinished)
}

function wakeQueue(consumers: Consumer[], name: string) {
  for (const consumer of consumers) if (consumer.name === name) consumer.wake()
}

/** A job as pg-boss returned it: `stored` identifies the attempt. */
type BossJob<Name extends QueueName> = FetchedJob<Name> & { stored: JobWithMetadata<Jobs[Name]> }

function jobSource<Name extends QueueName>(
  boss: PgBoss,
  {
    name,
    wakeLater,
    onFetched,
    onError,
  }: {
    name: Name
    wakeLater: (name: string, seconds: number) => void
    onFetched: () => void
    onError: (error: unknown) => void
  },
): JobSource<Name, BossJob<Name>> {
  const storedOf = (jobs: BossJob<Name>[]) => jobs.map(({ stored }) => stored)
  const deletions = createDeletions(
    (jobs: JobWithMetadata<Jobs[Name]>[]) => boss.deleteJob(name, jobs),
    onError,
  )
  return {
    async fetch({ limit, perGroup, ignoreGroups }) {
      const jobs = await boss.fetch<Jobs[Name]>(name, {
        batchSize: limit,
        includeMetadata: true,
        ...(perGroup !== undefined && { groupConcurrency: perGroup }),
        ...(ignoreGroups.length > 0 && { ignoreGroups }),
      })
      if (jobs.length > 0) onFetched()
      return jobs.map((stored) => ({
        id: stored.id,
        data: stored.data,
        group: stored.groupId ?? null,
        dueSince: new Date(Math.max(Number(stored.createdOn), Number(stored.startAfter))),
        stored,
      }))
    },
    async finish({ stored }) {
      deletions.add(stored)
    },
    flush: deletions.flush,
    async fail(jobs, error) {
      await boss.fail(name, storedOf(jobs), error)
      // pg-boss doubles the delay with each failure, and chooses up to that at random.
      for (const { stored } of jobs) {
        wakeLater(name, Math.min(QUEUE_OPTIONS.retryDelayMax, 2 ** stored.retryCount))
      }
    },
    async postpone({ stored: { id, retryCount } }) {
      await boss.getDb().executeSql(RELEASE, [name, id, retryCount])
    },
    async hasDueOutside(groups) {
      const { rows } = await boss.getDb().executeSql(DUE_OUTSIDE_GROUPS, [name, groups])
      return rows.length > 0
    },
    heartbeat: async (jobs) => touchedIds(await boss.touch(name, storedOf(jobs))),
  }
}

/**
 * Deletes the jobs that finish within a short time in one statement. A job that cannot be deleted runs again:
 * its heartbeats are missing, and its row shows that there is nothing left to do.
 */
function createDeletions<Job>(
  deleteJobs: (jobs: Job[]) => Promise<unknown>,
  onError: (error: unknown) => void,
) {
  const finished: Job[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  async function flush() {
    clearTimeout(timer)
    timer = undefined
    const jobs = finished.splice(0)
    if (jobs.length > 0) await deleteJobs(jobs)
  }
  return {
    add(job: Job) {
      finished.push(job)
      timer ??= setTimeout(() => flush().catch(onError), DELETION_MS)
    },
    flush,
  }
}

/** Returns a row if a due job belongs to none of these groups. */
const DUE_OUTSIDE_GROUPS = `
  select 1 from pgboss.job
  where name = $1 and state < 'active' and not blocked and start_after <= now()
    and (group_id is null or group_id <> all($2::text[]))
  limit 1`

/** Returns a job to its position in the queue, unless another worker has fetched it since. */
const RELEASE = `
  update pgboss.job set state = 'created', started_on = null, heartbeat_on = null
  where name = $1 and id = $2 and state = 'active' and retry_count = $3`

/**
 * The ids of the jobs that still belong to this worker. pg-boss returns them, but its types do not declare
 * it.
 */
function touchedIds(response: object): Set<unknown> {
  if ('settled' in response && Array.isArray(response.settled)) return new Set(response.settled)
  throw new TypeError('pg-boss.touch() returned no ids: its version does not fit')
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
}

/** For each queue of a list: whether a job is unfinished, whether one is due, and whether a worker has died that had one. */
const DUE_OR_LOST = `
  select name,
    exists (select from pgboss.job where job.name = queue.name and job.state < 'completed') as "isUnfinished",
    exists (
      select from pgboss.job
      where job.name = queue.name and job.state < 'active' and not job.blocked and job.start_after <= now()
    ) as "isDue",
    exists (
      select from pgboss.job
      where job.name = queue.name and job.state = 'active'
        and job.heartbeat_on + job.heartbeat_seconds * interval '1 second' < now()
    ) as "isLost"
  from unnest($1::text[]) as queue (name)`

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
  // Nobody reads the list of processes, and its measurements wake the process 50 times a second.
  registerInstance: false,
  clock: {
    ...systemClock,
    setInterval: (run, ms) => systemClock.setInterval(run, Math.max(ms, SHORTEST_INTERVAL_MS)),
  },
  // Each look at what is not used here, such as jobs that depend on others, wakes the process and the database.
  flowIntervalSeconds: SELDOM_SECONDS,
  bamIntervalSeconds: SELDOM_SECONDS,
  queueCacheIntervalSeconds: SELDOM_SECONDS,
  superviseIntervalSeconds: SUPERVISION_SECONDS.regular,
  monitorIntervalSeconds: SUPERVISION_SECONDS.least,
}

/** Makes pg read `sslmode` as libpq and the service's own client do: `require` accepts any certificate. */
function likeLibpq(url: string): string {
  return /[?&]sslmode=/.test(url) ? `${url}&uselibpqcompat=true` : url
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
