import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { Jobs, QueueName } from './jobs.ts'
import { type PollLoop, startPollLoop } from './poll-loop.ts'
import { type Handler, Postponed, type WorkOptions } from './queue.ts'

/** A lost notification delays a job by at most this long. */
const POLL_MS = 60_000

/** Runs the jobs of one queue in this process. */
export type Consumer = {
  name: QueueName
  hasFreeSlot(): boolean
  /** Fetches jobs. */
  wake(): void
  /** Sends the heartbeats of the running jobs. Fires the signals of jobs that this worker has lost. */
  heartbeat(): Promise<void>
  /** Fetches no more jobs. Resolves when none runs. */
  stop(): Promise<void>
  /** Fires the signals of all running jobs. */
  abort(): void
  /** Returns the jobs that still run to the queue. */
  release(): Promise<void>
}

type Job<Name extends QueueName> = JobWithMetadata<Jobs[Name]>

type Options<Name extends QueueName> = WorkOptions & {
  boss: PgBoss
  name: Name
  handle: Handler<Name>
  onError: (error: unknown) => void
}

type State<Name extends QueueName> = {
  running: Map<Job<Name>, AbortController>
  postponedGroups: ReturnType<typeof createPostponedGroups>
  stopping: boolean
  /** Resolves when no job runs. */
  idle: PromiseWithResolvers<void>
}

/**
 * A job is in one of these states:
 * - fetched: at most half of the free slots' jobs per statement, never more of one group than may run;
 * - running: in a slot, with heartbeats, until its handler settles or its signal fires;
 * - done: its handler resolved, so the job is deleted;
 * - failed: its handler threw, so pg-boss runs it again after a delay (backoff);
 * - postponed: its handler threw `Postponed`, so it is in the queue as before, and its group waits.
 *
 * All changes are fenced by the attempt: they do nothing to a job that another worker has fetched since.
 */
export function startConsumer<Name extends QueueName>(options: Options<Name>): Consumer {
  const { boss, name, concurrency, onError } = options
  const state = createState<Name>()
  const { running } = state
  const loop: PollLoop = startPollLoop({
    pass: () => fetchJobs(options, state, () => loop.wake()),
    everyMs: POLL_MS,
    onError,
  })

  return {
    name,
    hasFreeSlot: () => running.size < concurrency,
    wake: loop.wake,
    async heartbeat() {
      const jobs = [...running.keys()]
      if (jobs.length === 0) return
      const ownIds = touchedIds(await boss.touch(name, jobs))
      for (const job of jobs) {
        if (!ownIds.has(job.id))
          running.get(job)?.abort(new Error('the job no longer belongs to this worker'))
      }
    },
    async stop() {
      state.stopping = true
      await loop.stop()
      await state.idle.promise
    },
    abort() {
      for (const control of running.values()) control.abort(stopError())
    },
    async release() {
      const jobs = [...running.keys()]
      if (jobs.length > 0) await boss.fail(name, jobs, stopError()).catch(onError)
    },
  }
}

function createState<Name extends QueueName>(): State<Name> {
  const idle = Promise.withResolvers<void>()
  idle.resolve()
  return { running: new Map(), postponedGroups: createPostponedGroups(), stopping: false, idle }
}

/** Starts the jobs that it fetches. `wake` fetches more jobs when one of them has left its slot. */
async function fetchJobs<Name extends QueueName>(
  options: Options<Name>,
  state: State<Name>,
  wake: () => void,
): Promise<boolean> {
  const { boss, name, concurrency, perGroup, perGroupHere } = options
  const freeSlots = concurrency - state.running.size
  if (freeSlots === 0) return false
  // Half of the free slots leave jobs to other processes. With `perGroupHere`, a batch could hold too many
  // jobs of one group.
  const batchSize = perGroupHere === undefined ? Math.ceil(freeSlots / 2) : 1
  const ignoreGroups = closedGroups(options, state)
  const jobs = await boss.fetch<Jobs[Name]>(name, {
    batchSize,
    includeMetadata: true,
    ...(perGroup !== undefined && { groupConcurrency: perGroup }),
    ...(ignoreGroups.length > 0 && { ignoreGroups }),
  })
  for (const job of jobs) void runJob(options, state, job, wake)
  // With `perGroup`, pg-boss drops the jobs of full groups from a batch: a small batch does not show an
  // empty queue.
  return jobs.length === batchSize || (perGroup !== undefined && jobs.length > 0)
}

/** Groups whose jobs may not be fetched now: they fill their slots here, or are postponed. */
function closedGroups<Name extends QueueName>(
  { perGroupHere }: WorkOptions,
  { running, postponedGroups }: State<Name>,
): string[] {
  const groups = [...running.keys()].flatMap(({ groupId }) => groupId ?? [])
  const full = [...Map.groupBy(groups, (group) => group)].filter(
    ([, jobs]) => perGroupHere !== undefined && jobs.length >= perGroupHere,
  )
  return [...postponedGroups.list(), ...full.map(([group]) => group)]
}

async function runJob<Name extends QueueName>(
  options: Options<Name>,
  state: State<Name>,
  job: Job<Name>,
  wake: () => void,
) {
  const { boss, name, handle, onError } = options
  const { running } = state
  if (running.size === 0) state.idle = Promise.withResolvers()
  const control = new AbortController()
  running.set(job, control)
  try {
    if (state.stopping) throw stopError()
    const dueSince = new Date(Math.max(Number(job.createdOn), Number(job.startAfter)))
    await handle(job.data, control.signal, dueSince, () => isSlotWanted(options, state, job))
    await boss.deleteJob(name, [job])
  } catch (error) {
    if (error instanceof Postponed && !control.signal.aborted)
      return await postpone(options, state, job, error)
    // If the database is unavailable, pg-boss returns the job to the queue when its heartbeats are missing.
    await boss.fail(name, [job], error instanceof Error ? error : { error }).catch(onError)
  } finally {
    running.delete(job)
    if (running.size === 0) state.idle.resolve()
    wake()
  }
}

async function postpone<Name extends QueueName>(
  { boss, name, onError }: Options<Name>,
  { postponedGroups }: State<Name>,
  job: Job<Name>,
  { seconds }: Postponed,
) {
  if (job.groupId) postponedGroups.add(job.groupId, seconds)
  await boss.getDb().executeSql(RELEASE, [name, job.id, job.retryCount]).catch(onError)
}

/** Queries the database only if all slots are in use. */
async function isSlotWanted<Name extends QueueName>(
  options: Options<Name>,
  state: State<Name>,
  job: Job<Name>,
): Promise<boolean> {
  const { boss, name, concurrency } = options
  if (state.running.size < concurrency) return false
  const excluded = [...closedGroups(options, state), ...(job.groupId ? [job.groupId] : [])]
  const { rows } = await boss.getDb().executeSql(DUE_OUTSIDE_GROUPS, [name, excluded])
  return rows.length > 0
}

/** Groups whose jobs this process does not fetch for some seconds. */
function createPostponedGroups() {
  const untilMs = new Map<string, number>()
  return {
    add(group: string, seconds: number) {
      untilMs.set(group, Date.now() + seconds * 1000)
    },
    list(): string[] {
      for (const [group, until] of untilMs) if (until <= Date.now()) untilMs.delete(group)
      return [...untilMs.keys()]
    },
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

const stopError = () => new Error('the service is stopping')
