/** Resolves after `ms`, or as soon as `signal` fires. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(wake, ms)
  signal?.addEventListener('abort', wake)
  await promise
  clearTimeout(timer)
  signal?.removeEventListener('abort', wake)
}

/** Its `signal` fires with the given one, or after `seconds`. Dispose it as soon as the work ends. */
export function deadline(seconds: number, signal?: AbortSignal) {
  const timeout = new AbortController()
  const onTimeout = () => timeout.abort(new Error(`no answer within ${seconds} s`))
  const timer = setTimeout(onTimeout, seconds * 1000)
  return {
    signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal,
    hasPassed: () => timeout.signal.aborted,
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
