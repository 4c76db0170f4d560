import { VerbatimError } from '../../errors.ts'

/** The work that runs now, so that `close` can stop it and wait for its end. */
export function trackRunningWork() {
  const running = new Map<AbortController, Promise<unknown>>()
  let isClosed = false

  return {
    /** `stop` fires when `signal` does, or on `close`. */
    async run<T>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
      if (isClosed) throw shutDown()
      signal?.throwIfAborted()
      const stop = new AbortController()
      const onAbort = () => stop.abort(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      const done = work(stop.signal)
      running.set(stop, done)
      try {
        return await done
      } finally {
        running.delete(stop)
        signal?.removeEventListener('abort', onAbort)
      }
    },

    async close(): Promise<void> {
      isClosed = true
      for (const stop of running.keys()) stop.abort(shutDown())
      await Promise.allSettled(running.values())
    },
  }
}

const shutDown = () => new VerbatimError('media_unavailable', 'The audio decoder has been shut down.')
