import type { Caller } from '../caller.ts'
import type { OpenDatabase } from '../db/database.ts'

const CHANNEL = 'callers'

/** Revocations arrive by LISTEN/NOTIFY. This TTL bounds staleness while that connection is down. */
const TTL_MS = 5_000
const MAX_CALLERS = 10_000

/** `expiresAt`: when the token expires, in milliseconds since 1970; null if it does not expire. */
export type Authenticated = { caller: Caller; expiresAt: number | null }

/**
 * Keeps the callers of tokens for seconds, so that polling clients do not cause a database query per request.
 */
export type CallerCache = {
  /** The cached caller of the token, or the result of `lookUp`. */
  find(token: string, lookUp: () => Promise<Authenticated>): Promise<Authenticated>
  /** Call it after a revocation that must apply to the next request of this process. */
  clear(): void
  /**
   * Calls `onChange` when the rights of the user may have changed. Returns the function that unsubscribes.
   */
  subscribe(userId: string, onChange: () => void): () => void
}

/**
 * An entry lives for the TTL, and never longer than its token. Triggers notify `callers`, with the user's id,
 * in the transaction that removes a user, a session or an API key, or changes the rights of one. Each process
 * then clears its whole cache.
 */
export async function openCallerCache({
  listen,
  ttlMs = TTL_MS,
}: Pick<OpenDatabase, 'listen'> & { ttlMs?: number }): Promise<CallerCache> {
  const entries = new Map<string, { authenticated: Authenticated; until: number }>()
  const subscribers = new Map<string, Set<() => void>>()
  let generation = 0

  function clear() {
    generation += 1
    entries.clear()
  }

  function store(token: string, authenticated: Authenticated) {
    const { expiresAt } = authenticated
    const [oldest] = entries.keys()
    if (entries.size >= MAX_CALLERS && oldest !== undefined) entries.delete(oldest)
    const lifetimeMs = expiresAt === null ? ttlMs : Math.min(ttlMs, expiresAt - Date.now())
    entries.set(token, { authenticated, until: performance.now() + lifetimeMs })
  }

  await listen(CHANNEL, {
    hear(userId) {
      clear()
      for (const onChange of subscribers.get(userId) ?? []) onChange()
    },
    missed() {
      clear()
      for (const ofUser of subscribers.values()) for (const onChange of ofUser) onChange()
    },
  })

  return {
    clear,
    subscribe(userId, onChange) {
      const ofUser = subscribers.get(userId) ?? new Set()
      subscribers.set(userId, ofUser.add(onChange))
      return () => {
        ofUser.delete(onChange)
        if (ofUser.size === 0 && subscribers.get(userId) === ofUser) subscribers.delete(userId)
      }
    },
    async find(token, lookUp) {
      const entry = entries.get(token)
      if (entry && performance.now() < entry.until) return entry.authenticated
      entries.delete(token)
      const before = generation
      const authenticated = await lookUp()
      // A revocation during the lookup may be missing from its result.
      if (before === generation) store(token, authenticated)
      return authenticated
    },
  }
}
