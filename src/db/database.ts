import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import type * as schema from './schema.ts'

/**
 * The database or an open transaction: what a store needs. Without `execute`, whose result differs by driver.
 */
export type Queries = Omit<PgDatabase<PgQueryResultHKT, typeof schema>, 'execute' | 'transaction'>

export type Transaction = Omit<PgDatabase<PgQueryResultHKT, typeof schema>, 'transaction'>

export type Database = Queries & {
  /**
   * The embedded database has one connection: a query outside of the open transaction waits for its end. Use
   * only `tx` in `work`, and do no other I/O there.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

export type OpenDatabase = {
  db: Database
  /** Rejects if the database does not respond, or is read-only (`NotReady`). */
  ping(): Promise<void>
  /**
   * Calls `hear` with the payload of each committed notification on `channel`, by any process, and `missed`
   * when notifications may have been lost with the connection.
   */
  listen(channel: string, listener: { hear: (payload: string) => void; missed: () => void }): Promise<void>
  close(): Promise<void>
}

/** Whether an error of either driver is a violation of the unique constraint `constraint`. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  if (!(error instanceof Error) || typeof error.cause !== 'object' || error.cause === null) return false
  const cause: { code?: unknown; constraint?: unknown; constraint_name?: unknown } = error.cause
  return cause.code === '23505' && (cause.constraint_name ?? cause.constraint) === constraint
}
