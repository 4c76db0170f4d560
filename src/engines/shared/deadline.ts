/**
 * A signal that fires with `signal`, or after `seconds`; `passed` tells which. `clear` it when the work is
 * over.
 */
export function deadline(seconds: number, signal: AbortSignal) {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${seconds} s`)), seconds * 1000)
  timer.unref()
  return {
    signal: AbortSignal.any([signal, late.signal]),
    passed: () => late.signal.aborted,
    clear: () => clearTimeout(timer),
  }
}
