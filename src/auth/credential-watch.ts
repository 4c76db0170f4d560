import { VerbatimError } from '../errors.ts'
import type { Authenticated, CallerCache } from './caller-cache.ts'

/** Where nothing notifies of revocations, and otherwise for what a lost connection did not notify of. */
const RECHECK_MS = { alone: 15_000, notified: 600_000 }
const SOONEST_MS = 1_000

/**
 * Watches credentials for answers that go on for long, such as a stream of events. The signal fires when the token expires or
 * is revoked, or its session or account ends, with the `unauthorized` error as its reason. `until` ends the watch.
 */
export function createCredentialWatch({
  find,
  callerCache,
}: {
  /** As it was found a moment ago, unless something was revoked since. Throws `unauthorized`. */
  find: (token: string) => Promise<Authenticated>
  /** Null where the database cannot be listened to for long. */
  callerCache: Pick<CallerCache, 'listen'> | null
}) {
  const recheckMs = callerCache ? RECHECK_MS.notified : RECHECK_MS.alone
  return ({ token, userId }: { token: string; userId: string }, until: AbortSignal): AbortSignal => {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ignore = callerCache?.listen(userId, () => void check())
    const stop = () => {
      clearTimeout(timer)
      ignore?.()
    }
    ended.signal.addEventListener('abort', stop)
    until.addEventListener('abort', stop)
    if (!until.aborted) void check()
    else stop()
    return ended.signal

    async function check() {
      const expiresAt = await find(token).then(
        (admitted) => admitted.expiresAt,
        (error: unknown) => {
          if (error instanceof VerbatimError && error.code === 'unauthorized') ended.abort(error)
          // What cannot be looked up now is looked up again.
          return null
        },
      )
      if (until.aborted || ended.signal.aborted) return
      clearTimeout(timer)
      const left = expiresAt === null ? recheckMs : expiresAt - Date.now()
      timer = setTimeout(() => void check(), Math.max(SOONEST_MS, Math.min(left, recheckMs)))
    }
  }
}
