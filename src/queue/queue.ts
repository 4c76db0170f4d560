import type { Transaction } from '../db/database.ts'
import type { Jobs, NewJob, QueueName } from './jobs.ts'

/** `waiting`: jobs that could be taken up now, the longest for `oldestSeconds`. */
export type Backlog = { name: QueueName; waiting: number; running: number; oldestSeconds: number }

/**
 * Thrown by a handler whose job cannot be done now: the job goes back into the queue as it was, and for so many seconds this
 * process takes no job of the same group.
 */
export class Postponed extends Error {
  override name = 'Postponed'
  readonly seconds: number

  constructor(message: string, { seconds }: { seconds: number }) {
    super(message)
    this.seconds = seconds
  }
}

export type WorkOptions = {
  /** Jobs at a time in this process. */
  concurrency: number
  /** Jobs of one group at a time on all machines together. Slots that ask in the very same moment may take one more each. */
  perGroup?: number | undefined
  /** Jobs of one group at a time in this process. */
  perGroupHere?: number | undefined
}

/**
 * `signal` fires when the job has been taken away or the queue stops; since `since` it could have been taken up. `isWanted`
 * tells whether a job of another group waits for this handler's slot.
 */
export type Handler<Name extends QueueName> = (
  data: Jobs[Name],
  signal: AbortSignal,
  since: Date,
  isWanted: () => Promise<boolean>,
) => Promise<void>

/**
 * Jobs in Postgres, delivered at least once: a handler may run a second time, also while the first run is still
 * under way, so it fences what it writes.
 */
export type Queue = {
  /** Seen by workers once `tx` commits. */
  enqueue<Name extends QueueName>(tx: Transaction, name: Name, jobs: NewJob<Name>[]): Promise<void>
  /** Runs `handle` for each job. A job whose handler throws comes back after a pause, unless it threw `Postponed`. */
  work<Name extends QueueName>(name: Name, options: WorkOptions, handle: Handler<Name>): Promise<void>
  /** What waits and runs in each queue, on all machines. */
  backlogs(): Promise<Backlog[]>
  /** Drops every job of every queue, whatever its state. For the one owner of a database, at start. */
  clear(): Promise<void>
  /**
   * Takes no more jobs, waits up to `graceMs` for those that run, then fires their signals and hands them back. A second call
   * returns the promise of the first.
   */
  drain(graceMs: number): Promise<void>
  /** Drains the queue, then closes its connections. */
  stop(graceMs: number): Promise<void>
}
