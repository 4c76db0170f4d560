import type { OpenDatabase } from '../db/database.ts'

const CHANNEL = 'callers'

/** What ends a caller's rights is heard of at once; this is for when the connection was lost on which it would be. */
const MOST_MS = 5_000
const MOST_CALLERS = 10_000

/** Whose a token is, and what it is good for. `sessionId`: null where there is no session of ours. */
export type Caller = {
  userId: string
  scopes: readonly ('read' | 'write' | 'account' | 'admin')[]
  sessionId: string | null
}

/** `expiresAt`: of the token, in milliseconds since 1970; null where it has no end. */
export type Authenticated = { caller: Caller; expiresAt: number | null }

/** Whom tokens were found to be of a moment ago, so that who asks again and again is not looked up each time. */
export type CallerCache = {
  /** The token's caller as it was found a moment ago, or as `find` finds it now. */
  find(token: string, find: () => Promise<Authenticated>): Promise<Authenticated>
  /** When what it took away must count from the next request on. */
  forget(): void
  /** Calls `hear` when a user's rights may have changed. Returns the function that ends it. */
  listen(userId: string, hear: () => void): () => void
}

/**
 * Kept for seconds, and none longer than its token is valid. Triggers notify `callers`, with the user's id, in the transaction
 * that removes a user, a session or a key, or changes what they may do: then all processes forget all of them.
 */
export async function openCallerCache({
  listen,
  mostMs = MOST_MS,
}: Pick<OpenDatabase, 'listen'> & { mostMs?: number }): Promise<CallerCache> {
  const known = new Map<string, { admitted: Authenticated; until: number }>()
  const listeners = new Map<string, Set<() => void>>()
  let forgotten = 0

  function forget() {
    forgotten += 1
    known.clear()
  }

  function remember(token: string, admitted: Authenticated) {
    const { expiresAt } = admitted
    const [oldest] = known.keys()
    if (known.size >= MOST_CALLERS && oldest !== undefined) known.delete(oldest)
    const left = expiresAt === null ? mostMs : Math.min(mostMs, expiresAt - Date.now())
    known.set(token, { admitted, until: performance.now() + left })
  }

  await listen(CHANNEL, {
    hear(userId) {
      forget()
      for (const hear of listeners.get(userId) ?? []) hear()
    },
    missed() {
      forget()
      for (const among of listeners.values()) for (const hear of among) hear()
    },
  })

  return {
    forget,
    listen(userId, hear) {
      const among = listeners.get(userId) ?? new Set()
      listeners.set(userId, among.add(hear))
      return () => {
        among.delete(hear)
        if (among.size === 0 && listeners.get(userId) === among) listeners.delete(userId)
      }
    },
    async find(token, find) {
      const one = known.get(token)
      if (one && performance.now() < one.until) return one.admitted
      known.delete(token)
      const before = forgotten
      const admitted = await find()
      // What was taken away while it was looked for may be in it still.
      if (before === forgotten) remember(token, admitted)
      return admitted
    },
  }
}
