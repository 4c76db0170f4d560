import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import type * as schema from './schema.ts'

/** What a store needs: the database itself or an open transaction. `execute` is left out: its answer differs by driver. */
export type Queries = Omit<PgDatabase<PgQueryResultHKT, typeof schema>, 'execute' | 'transaction'>

export type Transaction = Omit<PgDatabase<PgQueryResultHKT, typeof schema>, 'transaction'>

export type Database = Queries & {
  /**
   * The embedded database has one connection, and a query outside of the open transaction waits for its end:
   * use `tx` alone in there, and do no I/O.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

export type OpenDatabase = {
  db: Database
  /** Rejects if the database does not answer, or takes no writes (`NotReady`). */
  ping(): Promise<void>
  /**
   * Calls `hear` with what is notified on `channel`, by whatever process, once it is committed; and `missed` when some of it
   * may not have been heard, since the connection was lost meanwhile.
   */
  listen(channel: string, to: { hear: (payload: string) => void; missed: () => void }): Promise<void>
  close(): Promise<void>
}

/** Whether an error is the violation of the unique constraint of that name, on either driver. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  if (!(error instanceof Error) || typeof error.cause !== 'object' || error.cause === null) return false
  const cause: { code?: unknown; constraint?: unknown; constraint_name?: unknown } = error.cause
  return cause.code === '23505' && (cause.constraint_name ?? cause.constraint) === constraint
}
