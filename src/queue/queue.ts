import type { Transaction } from '../db/database.ts'
import type { Jobs, NewJob, QueueName } from './jobs.ts'

/** `waiting`: due jobs that do not run yet. The oldest of them has waited for `oldestSeconds`. */
export type Backlog = { name: QueueName; waiting: number; running: number; oldestSeconds: number }

/**
 * A handler throws it if its job cannot run now. The job returns to its position in the queue without a
 * failure, and for `seconds` this process fetches no job of the same group.
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
  /** Maximum number of jobs that run at a time in this process. */
  concurrency: number
  /**
   * Maximum number of jobs of one group that run at a time on all machines. Processes that fetch at the same
   * moment may each exceed it by one.
   */
  perGroup?: number | undefined
  /** Maximum number of jobs of one group that run at a time in this process. */
  perGroupHere?: number | undefined
}

/**
 * `signal` fires when another worker has taken the job, or when the queue stops. `dueSince`: when the job
 * could have started. `isSlotWanted` returns whether a job of another group waits for this handler's slot.
 */
export type Handler<Name extends QueueName> = (
  data: Jobs[Name],
  signal: AbortSignal,
  dueSince: Date,
  isSlotWanted: () => Promise<boolean>,
) => Promise<void>

/**
 * Jobs in Postgres, delivered at least once. A handler may run a second time for a job, even while the first
 * run continues on another machine: it must fence its writes.
 */
export type Queue = {
  /** Workers see the jobs once `tx` has committed. */
  enqueue<Name extends QueueName>(tx: Transaction, name: Name, jobs: NewJob<Name>[]): Promise<void>
  /** Runs `handle` for each job. If it throws anything but `Postponed`, the job runs again after a delay. */
  work<Name extends QueueName>(name: Name, options: WorkOptions, handle: Handler<Name>): Promise<void>
  /** Counts the waiting and running jobs of each queue, on all machines. */
  backlogs(): Promise<Backlog[]>
  /**
   * Deletes all jobs of all queues, running ones too. Only for the only process on a database, at its start.
   */
  clear(): Promise<void>
  /**
   * Fetches no more jobs, waits up to `graceMs` for running jobs, then fires their signals and returns them
   * to the queue. A second call returns the promise of the first.
   */
  drain(graceMs: number): Promise<void>
  /** Drains the queue, then closes its connections. */
  stop(graceMs: number): Promise<void>
}
