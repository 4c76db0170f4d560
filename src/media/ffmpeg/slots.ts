/** Lets `count` callers run at once; the others wait in order. */
export function createSlots(count: number) {
  let free = count
  const waiting = new Set<() => void>()

  function release(): void {
    const [next] = waiting
    if (!next) {
      free += 1
      return
    }
    waiting.delete(next)
    next()
  }

  async function acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (free > 0) {
      free -= 1
      return
    }
    const turn = Promise.withResolvers<void>()
    const onAbort = () => {
      waiting.delete(turn.resolve)
      turn.reject(signal.reason)
    }
    waiting.add(turn.resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await turn.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    /** Runs `use` when it is its turn. Throws the signal's reason if that fires before. */
    async within<T>(signal: AbortSignal, use: () => Promise<T>): Promise<T> {
      await acquire(signal)
      try {
        return await use()
      } finally {
        release()
      }
    },
  }
}
