import type { Transaction } from '../db/database.ts'
import type { Jobs, NewJob, QueueName } from './jobs.ts'

/** `waiting`: jobs that could be taken up now, the longest for `oldestSeconds`. */
export type Backlog = { name: QueueName; waiting: number; running: number; oldestSeconds: number }

/**
 * Jobs in Postgres, delivered at least once: a handler may run a second time, also while the first run is still
 * under way, so it fences what it writes.
 */
export type Queue = {
  /** Seen by workers once `tx` commits. */
  enqueue<Name extends QueueName>(tx: Transaction, name: Name, jobs: NewJob<Name>[]): Promise<void>
  /**
   * Runs `handle` for each job, at most `concurrency` at a time here, and of one group at most `perGroup` at a time on all
   * machines together (slots that ask in the very same moment may take one more each). A job whose handler throws comes back after a pause.
   * `signal` fires when the job has been taken away or the queue stops; since `since` it could have been taken up.
   */
  work<Name extends QueueName>(
    name: Name,
    options: { concurrency: number; perGroup?: number | undefined },
    handle: (data: Jobs[Name], signal: AbortSignal, since: Date) => Promise<void>,
  ): Promise<void>
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
