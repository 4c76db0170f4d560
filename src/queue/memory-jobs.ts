import type { OpenDatabase } from '../db/database.ts'
import type { FetchedJob, JobSource } from './consumer.ts'
import type { NewJob, QueueName } from './jobs.ts'
import type { Backlog } from './queue.ts'

/** The payload is a JSON list of `NotifiedJob`. */
export const CHANNEL = 'new_jobs'
const MAX_RETRY_SECONDS = 60

/** `dueAt`: milliseconds since 1970. */
export type NotifiedJob<Name extends QueueName> = {
  id: string
  queue: Name
  job: NewJob<Name>
  dueAt: number
}

type MemoryJob<Name extends QueueName> = FetchedJob<Name> & {
  priority: number
  /** Jobs of one priority run in this order. */
  order: number
  failures: number
  isRunning: boolean
}

type MemoryQueue<Name extends QueueName> = {
  source: JobSource<Name, MemoryJob<Name>>
  add(job: Omit<NotifiedJob<Name>, 'queue'>): void
  /** Calls `onDue` when a job is due. Returns the function that unsubscribes. */
  subscribe(onDue: () => void): () => void
  backlog(): Omit<Backlog, 'name'>
  clear(): void
}

export type MemoryJobs = { [Name in QueueName]: MemoryQueue<Name> }

/** The jobs whose transactions this process has committed. */
export async function openMemoryJobs({ listen }: Pick<OpenDatabase, 'listen'>): Promise<MemoryJobs> {
  const queues: MemoryJobs = {
    prepare: createMemoryQueue(),
    prepare_long: createMemoryQueue(),
    span: createMemoryQueue(),
    clip: createMemoryQueue(),
    webhook: createMemoryQueue(),
  }
  const add = <Name extends QueueName>({ queue, ...job }: NotifiedJob<Name>) => queues[queue].add(job)
  await listen(CHANNEL, {
    hear(payload) {
      for (const job of JSON.parse(payload)) add(job)
    },
    // The embedded database has no connection that could be lost.
    missed() {},
  })
  return queues
}

/** The jobs of one queue, sorted in the order in which they run. */
function createMemoryQueue<Name extends QueueName>(): MemoryQueue<Name> {
  let jobs: MemoryJob<Name>[] = []
  let added = 0
  const subscribers = new Set<() => void>()

  function notifyWhenDue({ dueSince }: MemoryJob<Name>) {
    const delayMs = Number(dueSince) - Date.now()
    const notify = () => {
      for (const onDue of subscribers) onDue()
    }
    if (delayMs > 0) setTimeout(notify, delayMs).unref()
    else notify()
  }

  function* dueOutside(groups: string[]) {
    const now = Date.now()
    for (const job of jobs) {
      if (job.isRunning || Number(job.dueSince) > now) continue
      if (job.group === null || !groups.includes(job.group)) yield job
    }
  }

  const source: JobSource<Name, MemoryJob<Name>> = {
    async fetch({ limit, perGroup, ignoreGroups }) {
      const running = countByGroup(jobs.filter(({ isRunning }) => isRunning))
      const taken: MemoryJob<Name>[] = []
      for (const job of dueOutside(ignoreGroups)) {
        if (taken.length === limit) break
        const ofGroup = job.group === null ? 0 : (running.get(job.group) ?? 0)
        if (perGroup !== undefined && ofGroup >= perGroup) continue
        if (job.group !== null) running.set(job.group, ofGroup + 1)
        job.isRunning = true
        taken.push(job)
      }
      return taken
    },
    async finish(job) {
      const at = jobs.indexOf(job)
      if (at >= 0) jobs.splice(at, 1)
    },
    async flush() {},
    async fail(failed) {
      for (const job of failed) {
        job.isRunning = false
        job.failures += 1
        const delaySeconds = Math.min(MAX_RETRY_SECONDS, 2 ** (job.failures - 1))
        job.dueSince = new Date(Date.now() + 1000 * delaySeconds)
        if (jobs.includes(job)) notifyWhenDue(job)
      }
    },
    async postpone(job) {
      job.isRunning = false
    },
    hasDueOutside: async (groups) => !dueOutside(groups).next().done,
    heartbeat: async (running) => new Set(running.filter((job) => jobs.includes(job)).map(({ id }) => id)),
  }

  return {
    source,

    add({ id, job, dueAt }) {
      const { data, priority = 0, group = null } = job
      const dueSince = new Date(dueAt)
      const stored = { id, data, group, dueSince, priority, order: added++, failures: 0, isRunning: false }
      jobs.splice(positionOf(jobs, stored), 0, stored)
      notifyWhenDue(stored)
    },

    subscribe(onDue) {
      subscribers.add(onDue)
      return () => void subscribers.delete(onDue)
    },

    backlog() {
      const waiting = [...dueOutside([])]
      const oldest = Math.min(Date.now(), ...waiting.map(({ dueSince }) => Number(dueSince)))
      return {
        waiting: waiting.length,
        running: jobs.filter(({ isRunning }) => isRunning).length,
        oldestSeconds: (Date.now() - oldest) / 1000,
      }
    },

    clear() {
      jobs = []
    },
  }
}

type Rank = { priority: number; order: number }

/** By binary search, because tens of thousands of jobs may wait. */
function positionOf(jobs: Rank[], { priority, order }: Rank): number {
  let low = 0
  let high = jobs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = jobs[middle]
    const isBefore =
      other && (other.priority > priority || (other.priority === priority && other.order < order))
    if (isBefore) low = middle + 1
    else high = middle
  }
  return low
}

function countByGroup(jobs: { group: string | null }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { group } of jobs) if (group !== null) counts.set(group, (counts.get(group) ?? 0) + 1)
  return counts
}
