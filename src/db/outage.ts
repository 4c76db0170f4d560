import { VerbatimError } from '../errors.ts'

/**
 * SQLSTATE classes and codes of a database that does not serve now: 08 connection, 28 and 3D000 log-in, 25006 read-only,
 * 53 resources, 57P0x shutdown and start, 58 system error (PostgreSQL, appendix A).
 */
const UNAVAILABLE = /^(08|28|53|58)[0-9A-Z]{3}$|^57P0[1-5]$|^25006$|^3D000$/
const DISK_FULL = '53100'

/** Codes of postgres.js, and of the sockets below it on Bun, Deno and workerd. */
const CONNECTION = new Set([
  ...['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
])

/** workerd's errors of sockets have no code. */
const OF_WORKERD = /cannot connect to the specified address|^Network connection lost/

/**
 * What a caller is told of a query that failed because the database is away, takes no writes (`database_unavailable`), or
 * has no room (`storage_full`). Null for any other error.
 */
export function outageOf(error: unknown): VerbatimError | null {
  for (const code of codesIn(error)) {
    if (code === DISK_FULL) {
      return new VerbatimError('storage_full', 'There is no room left to store anything: try again later', {
        cause: error,
      })
    }
    if (UNAVAILABLE.test(code) || CONNECTION.has(code)) {
      return new VerbatimError(
        'database_unavailable',
        'The database cannot be reached, or takes no writes now: try again',
        { cause: error },
      )
    }
  }
  return null
}

/** Of an error and of what caused it: Drizzle wraps the errors of its drivers, and `await using` those of a disposal. */
function* codesIn(error: unknown, depth = 0): Generator<string> {
  if (typeof error !== 'object' || error === null || depth > 5) return
  if ('code' in error && typeof error.code === 'string') yield error.code
  else if (error instanceof Error && OF_WORKERD.test(error.message)) yield 'ECONNREFUSED'
  if ('cause' in error) yield* codesIn(error.cause, depth + 1)
  if (error instanceof SuppressedError) {
    yield* codesIn(error.error, depth + 1)
    yield* codesIn(error.suppressed, depth + 1)
  }
}

const WAITED_FOR = new Set(['database_unavailable', 'storage_unavailable', 'storage_full'])

/** Whether work failed only because the database or the storage does not serve now: it is done later, and has not failed. */
export function isOutage(error: unknown): boolean {
  const known = error instanceof VerbatimError ? error : outageOf(error)
  return known !== null && WAITED_FOR.has(known.code)
}
