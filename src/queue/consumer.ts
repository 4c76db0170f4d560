import type { Jobs, QueueName } from './jobs.ts'
import { type PollLoop, startPollLoop } from './poll-loop.ts'
import { type Handler, Postponed, type WorkOptions } from './queue.ts'

/** Runs the jobs of one queue in this process. */
export type Consumer = {
  name: QueueName
  /** Fetches jobs. */
  wake(): void
  /** Whether no job runs. */
  isIdle(): boolean
  /** Sends the heartbeats of the running jobs. Fires the signals of jobs that this worker has lost. */
  heartbeat(): Promise<void>
  /** Fetches no more jobs. Resolves when none runs. */
  stop(): Promise<void>
  /** Fires the signals of all running jobs. */
  abort(): void
  /** Returns the jobs that still run to the queue, and deletes those that have finished. */
  release(): Promise<void>
}

/** A job that this process has fetched. `dueSince`: when it could have started. */
export type FetchedJob<Name extends QueueName> = {
  id: string
  data: Jobs[Name]
  group: string | null
  dueSince: Date
}

/**
 * The stored jobs of one queue. All changes are fenced by the attempt: they do nothing to a job that another
 * worker has fetched since.
 */
export type JobSource<Name extends QueueName, Job extends FetchedJob<Name> = FetchedJob<Name>> = {
  /** Takes due jobs, at most `limit`, by priority and age. */
  fetch(options: { limit: number; perGroup?: number | undefined; ignoreGroups: string[] }): Promise<Job[]>
  /** Deletes a job, soon. */
  finish(job: Job): Promise<void>
  /** Resolves when all finished jobs are deleted. */
  flush(): Promise<void>
  /** Returns jobs to the queue, to run again after a delay that grows with each failure. */
  fail(jobs: Job[], error: Error): Promise<void>
  /** Returns a job to its position in the queue, without a failure. */
  postpone(job: Job): Promise<void>
  /** Whether a due job belongs to none of these groups. */
  hasDueOutside(groups: string[]): Promise<boolean>
  /** Extends the claims on jobs that run. Returns the ids of those that still belong to this process. */
  heartbeat(jobs: Job[]): Promise<Set<unknown>>
}

type Options<Name extends QueueName, Job extends FetchedJob<Name>> = WorkOptions & {
  source: JobSource<Name, Job>
  name: Name
  handle: Handler<Name>
  onError: (error: unknown) => void
}

type State<Job> = {
  running: Map<Job, AbortController>
  postponedGroups: ReturnType<typeof createPostponedGroups>
  stopping: boolean
  /** The queue had no more jobs for this process at the latest fetch, and nothing has reported one since. */
  isEmpty: boolean
  /** Resolves when no job runs. */
  idle: PromiseWithResolvers<void>
}

/**
 * A job is in one of these states:
 * - fetched: at most half of the free slots' jobs per statement, never more of one group than may run;
 * - running: in a slot, with heartbeats, until its handler settles or its signal fires;
 * - done: its handler resolved, so the job is deleted;
 * - failed: its handler threw, so it runs again after a delay (backoff);
 * - postponed: its handler threw `Postponed`, so it is in the queue as before, and its group waits.
 */
export function startConsumer<Name extends QueueName, Job extends FetchedJob<Name>>(
  options: Options<Name, Job>,
): Consumer {
  const { source, name, onError } = options
  const state = createState<Job>()
  const { running } = state
  const loop: PollLoop = startPollLoop({
    pass: () => fetchJobs(options, state, () => loop.wake()),
    onError,
  })

  return {
    name,
    wake() {
      state.isEmpty = false
      loop.wake()
    },
    isIdle: () => running.size === 0,
    async heartbeat() {
      const jobs = [...running.keys()]
      if (jobs.length === 0) return
      const ownIds = await source.heartbeat(jobs)
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
      if (jobs.length > 0) await source.fail(jobs, stopError()).catch(onError)
      await source.flush().catch(onError)
    },
  }
}

function createState<Job>(): State<Job> {
  const idle = Promise.withResolvers<void>()
  idle.resolve()
  return {
    running: new Map(),
    postponedGroups: createPostponedGroups(),
    stopping: false,
    isEmpty: false,
    idle,
  }
}

/** Starts the jobs that it fetches. `wake` fetches more jobs when one of them has left its slot. */
async function fetchJobs<Name extends QueueName, Job extends FetchedJob<Name>>(
  options: Options<Name, Job>,
  state: State<Job>,
  wake: () => void,
): Promise<boolean> {
  const { source, concurrency, perGroup, perGroupHere } = options
  const freeSlots = concurrency - state.running.size
  if (freeSlots === 0) return false
  // Half of the free slots leave jobs to other processes. With `perGroupHere`, a batch could hold too many
  // jobs of one group.
  const batchSize = perGroupHere === undefined ? Math.ceil(freeSlots / 2) : 1
  const ignoreGroups = closedGroups(options, state)
  const jobs = await source.fetch({ limit: batchSize, perGroup, ignoreGroups })
  state.isEmpty = jobs.length < batchSize && perGroup === undefined && ignoreGroups.length === 0
  for (const job of jobs) void runJob(options, state, job, wake)
  // With `perGroup`, pg-boss drops the jobs of full groups from a batch: a small batch does not show an
  // empty queue.
  return jobs.length === batchSize || (perGroup !== undefined && jobs.length > 0)
}

/** Groups whose jobs may not be fetched now: they fill their slots here, or are postponed. */
function closedGroups<Name extends QueueName, Job extends FetchedJob<Name>>(
  { perGroupHere }: WorkOptions,
  { running, postponedGroups }: State<Job>,
): string[] {
  const groups = [...running.keys()].flatMap(({ group }) => group ?? [])
  const full = [...Map.groupBy(groups, (group) => group)].filter(
    ([, jobs]) => perGroupHere !== undefined && jobs.length >= perGroupHere,
  )
  return [...postponedGroups.list(), ...full.map(([group]) => group)]
}

async function runJob<Name extends QueueName, Job extends FetchedJob<Name>>(
  options: Options<Name, Job>,
  state: State<Job>,
  job: Job,
  wake: () => void,
) {
  const { source, handle, onError } = options
  const { running } = state
  if (running.size === 0) state.idle = Promise.withResolvers()
  const control = new AbortController()
  running.set(job, control)
  try {
    if (state.stopping) throw stopError()
    await handle(job.data, control.signal, job.dueSince, () => isSlotWanted(options, state, job))
    await source.finish(job)
  } catch (error) {
    if (error instanceof Postponed && !control.signal.aborted)
      return await postpone(options, state, job, error, wake)
    // If the database is unavailable, the job returns to the queue when its heartbeats are missing.
    await source.fail([job], error instanceof Error ? error : new Error(String(error))).catch(onError)
  } finally {
    running.delete(job)
    if (running.size === 0) state.idle.resolve()
    if (!state.isEmpty) wake()
  }
}

async function postpone<Name extends QueueName, Job extends FetchedJob<Name>>(
  { source, onError }: Options<Name, Job>,
  { postponedGroups }: State<Job>,
  job: Job,
  { seconds }: Postponed,
  wake: () => void,
) {
  if (job.group) postponedGroups.add(job.group, seconds)
  await source.postpone(job).catch(onError)
  setTimeout(wake, 1000 * seconds).unref()
}

/** Queries the stored jobs only if all slots are in use. */
async function isSlotWanted<Name extends QueueName, Job extends FetchedJob<Name>>(
  options: Options<Name, Job>,
  state: State<Job>,
  job: Job,
): Promise<boolean> {
  const { source, concurrency } = options
  if (state.running.size < concurrency) return false
  return source.hasDueOutside([...closedGroups(options, state), ...(job.group ? [job.group] : [])])
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

const stopError = () => new Error('the service is stopping')
