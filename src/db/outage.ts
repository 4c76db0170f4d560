import { VerbatimError } from '../errors.ts'

/**
 * SQLSTATE classes and codes of an unavailable database: 08 connection, 28 and 3D000 log-in, 25006 read-only,
 * 53 resources, 57P0x shutdown and start, 58 system error (PostgreSQL documentation, appendix A).
 */
const UNAVAILABLE = /^(08|28|53|58)[0-9A-Z]{3}$|^57P0[1-5]$|^25006$|^3D000$/
const DISK_FULL = '53100'

/** Codes of postgres.js, and of the sockets below it on Bun, Deno and workerd. */
const CONNECTION = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Messages of workerd's socket errors, which have no code. */
const WORKERD_MESSAGE = /cannot connect to the specified address|^Network connection lost/

/**
 * Returns the error for the client if a query failed because the database is unavailable or read-only
 * (`database_unavailable`), or its disk is full (`storage_full`). Returns null for any other error.
 */
export function outageOf(error: unknown): VerbatimError | null {
  for (const code of codesIn(error)) {
    if (code === DISK_FULL) {
      return new VerbatimError('storage_full', 'The disk of the database is full: try again later', {
        cause: error,
      })
    }
    if (UNAVAILABLE.test(code) || CONNECTION.has(code)) {
      return new VerbatimError(
        'database_unavailable',
        'The database is unavailable or read-only: try again later',
        { cause: error },
      )
    }
  }
  return null
}

/**
 * Yields the codes of an error and its causes: Drizzle wraps the errors of its drivers, and `await using`
 * combines two errors in a `SuppressedError`.
 */
function* codesIn(error: unknown, depth = 0): Generator<string> {
  if (typeof error !== 'object' || error === null || depth > 5) return
  if ('code' in error && typeof error.code === 'string') yield error.code
  else if (error instanceof Error && WORKERD_MESSAGE.test(error.message)) yield 'ECONNREFUSED'
  if ('cause' in error) yield* codesIn(error.cause, depth + 1)
  if (error instanceof SuppressedError) {
    yield* codesIn(error.error, depth + 1)
    yield* codesIn(error.suppressed, depth + 1)
  }
}

const OUTAGES = new Set(['database_unavailable', 'storage_unavailable', 'storage_full'])

/** Whether work failed because the database or the storage is unavailable. Such work is repeated later. */
export function isOutage(error: unknown): boolean {
  const outage = error instanceof VerbatimError ? error : outageOf(error)
  return outage !== null && OUTAGES.has(outage.code)
}
