import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { Jobs, QueueName } from './jobs.ts'
import { startPollLoop } from './poll-loop.ts'
import { type Handler, Postponed, type WorkOptions } from './queue.ts'

/** Where nothing tells of new jobs, nothing is lost but time. */
const ROUND_MS = 60_000

/** A queue's jobs that run here. */
export type Consumer = {
  name: QueueName
  hasRoom(): boolean
  /** Looks for jobs. */
  wake(): void
  /** Says that the jobs that run still do, and fires the signals of those that were taken away. */
  beat(): Promise<void>
  /** Takes no more; resolves once none runs. */
  stop(): Promise<void>
  /** Fires the signals of those that run. */
  abort(): void
  /** Gives those back that run all the same. */
  giveBack(): Promise<void>
}

type Job<Name extends QueueName> = JobWithMetadata<Jobs[Name]>

/**
 * Takes a queue's jobs whenever it is woken, as many as there is room for, and ends them as their handlers do: those that are
 * done are deleted, and those that failed come back after a pause. Both are fenced: of a job that was taken away and runs elsewhere,
 * nothing is changed.
 */
export function startConsumer<Name extends QueueName>({
  boss,
  name,
  concurrency,
  perGroup,
  perGroupHere,
  handle,
  onError,
}: WorkOptions & {
  boss: PgBoss
  name: Name
  handle: Handler<Name>
  onError: (error: unknown) => void
}): Consumer {
  const running = new Map<Job<Name>, AbortController>()
  /** Groups whose jobs were postponed, each with the time until which none of them is taken. */
  const resting = new Map<string, number>()
  let stopping = false
  let idle = Promise.withResolvers<void>()
  idle.resolve()

  /** Groups that have as many jobs here as they may, or that rest. */
  function closedGroups(): string[] {
    for (const [group, until] of resting) if (until <= Date.now()) resting.delete(group)
    const groups = [...running.keys()].flatMap(({ groupId }) => groupId ?? [])
    const full = [...Map.groupBy(groups, (group) => group)].filter(
      ([, own]) => perGroupHere !== undefined && own.length >= perGroupHere,
    )
    return [...resting.keys(), ...full.map(([group]) => group)]
  }

  async function take(): Promise<boolean> {
    const room = concurrency - running.size
    if (room === 0) return false
    // Others who have room too get some of what came; and several at once could be more of one group than may be here.
    const batchSize = perGroupHere === undefined ? Math.ceil(room / 2) : 1
    const closed = closedGroups()
    const options = {
      batchSize,
      includeMetadata: true as const,
      ...(perGroup !== undefined && { groupConcurrency: perGroup }),
      ...(closed.length > 0 && { ignoreGroups: closed }),
    }
    const jobs = await boss.fetch<Jobs[Name]>(name, options)
    for (const job of jobs) void run(job)
    // Behind a group that may have no more of its own at work there may be others.
    return jobs.length === batchSize || (perGroup !== undefined && jobs.length > 0)
  }

  async function run(job: Job<Name>) {
    if (running.size === 0) idle = Promise.withResolvers()
    const control = new AbortController()
    running.set(job, control)
    try {
      if (stopping) throw stopped()
      const since = new Date(Math.max(Number(job.createdOn), Number(job.startAfter)))
      await handle(job.data, control.signal, since, () => isWanted(job))
      await boss.deleteJob(name, [job])
    } catch (error) {
      if (error instanceof Postponed && !control.signal.aborted) return await postpone(job, error)
      // Where the database cannot be reached, the job comes back once its heartbeat is missed.
      await boss.fail(name, [job], error instanceof Error ? error : { error }).catch(onError)
    } finally {
      running.delete(job)
      if (running.size === 0) idle.resolve()
      rounds.wake()
    }
  }

  async function postpone(job: Job<Name>, { seconds }: Postponed) {
    if (job.groupId) resting.set(job.groupId, Date.now() + seconds * 1000)
    await boss.getDb().executeSql(GIVE_BACK, [name, job.id, job.retryCount]).catch(onError)
  }

  /** Asks the database only if all slots are taken. */
  async function isWanted(job: Job<Name>): Promise<boolean> {
    if (running.size < concurrency) return false
    const others = [...closedGroups(), ...(job.groupId ? [job.groupId] : [])]
    const { rows } = await boss.getDb().executeSql(WAITING, [name, others])
    return rows.length > 0
  }

  const rounds = startPollLoop({ round: take, everyMs: ROUND_MS, onError })

  return {
    name,
    hasRoom: () => running.size < concurrency,
    wake: rounds.wake,
    async beat() {
      const jobs = [...running.keys()]
      if (jobs.length === 0) return
      const held = heldIn(await boss.touch(name, jobs))
      for (const job of jobs) {
        if (!held.has(job.id)) running.get(job)?.abort(new Error('the job was taken away'))
      }
    },
    async stop() {
      stopping = true
      await rounds.stop()
      await idle.promise
    },
    abort() {
      for (const control of running.values()) control.abort(stopped())
    },
    async giveBack() {
      const jobs = [...running.keys()]
      if (jobs.length > 0) await boss.fail(name, jobs, stopped()).catch(onError)
    },
  }
}

/** Whether a job that could be taken now is of none of these groups. */
const WAITING = `
  select 1 from pgboss.job
  where name = $1 and state < 'active' and not blocked and start_after <= now()
    and (group_id is null or group_id <> all($2::text[]))
  limit 1`

/** Puts a job back where it was in the queue, unless it was taken away from this process. */
const GIVE_BACK = `
  update pgboss.job set state = 'created', started_on = null, heartbeat_on = null
  where name = $1 and id = $2 and state = 'active' and retry_count = $3`

/** The ids that a heartbeat has reached; pg-boss tells them, but for its types. */
function heldIn(answer: object): Set<unknown> {
  if ('settled' in answer && Array.isArray(answer.settled)) return new Set(answer.settled)
  throw new TypeError('pg-boss does not tell whose heartbeat it has taken')
}

const stopped = () => new Error('the service is stopping')
