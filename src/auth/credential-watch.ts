import { VerbatimError } from '../errors.ts'
import type { Authenticated, CallerCache } from './caller-cache.ts'

/** With LISTEN/NOTIFY the polling only covers notifications lost with a connection. */
const RECHECK_MS = { polling: 15_000, notified: 600_000 }
const MIN_DELAY_MS = 1_000

/**
 * Watches the credential of a long response, such as an event stream. The signal fires when the token expires
 * or is revoked, or its session or account ends, with the `unauthorized` error as its reason. `until` ends
 * the watch.
 */
export function createCredentialWatch({
  find,
  callerCache,
}: {
  /** From the cache or the database. Throws `unauthorized`. */
  find: (token: string) => Promise<Authenticated>
  /** Null if the process cannot LISTEN. */
  callerCache: Pick<CallerCache, 'subscribe'> | null
}) {
  const recheckMs = callerCache ? RECHECK_MS.notified : RECHECK_MS.polling
  return ({ token, userId }: { token: string; userId: string }, until: AbortSignal): AbortSignal => {
    const revoked = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const unsubscribe = callerCache?.subscribe(userId, () => void check())
    const stop = () => {
      clearTimeout(timer)
      unsubscribe?.()
    }
    revoked.signal.addEventListener('abort', stop)
    until.addEventListener('abort', stop)
    if (!until.aborted) void check()
    else stop()
    return revoked.signal

    async function check() {
      const expiresAt = await find(token).then(
        (authenticated) => authenticated.expiresAt,
        (error: unknown) => {
          if (error instanceof VerbatimError && error.code === 'unauthorized') revoked.abort(error)
          // Any other error is temporary: the next check tries again.
          return null
        },
      )
      if (until.aborted || revoked.signal.aborted) return
      clearTimeout(timer)
      const remainingMs = expiresAt === null ? recheckMs : expiresAt - Date.now()
      timer = setTimeout(() => void check(), Math.max(MIN_DELAY_MS, Math.min(remainingMs, recheckMs)))
    }
  }
}
