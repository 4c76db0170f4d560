/** Calls `onTimeout` once, after `ms` during which it was not paused. */
export function createPausableTimeout(ms: number, onTimeout: () => void) {
  let msLeft = ms
  let startedAt = 0
  let timer: ReturnType<typeof setTimeout>
  const resume = () => {
    startedAt = performance.now()
    timer = setTimeout(onTimeout, msLeft)
  }
  const pause = () => {
    clearTimeout(timer)
    msLeft -= performance.now() - startedAt
  }
  resume()
  return { pause, resume, clear: () => clearTimeout(timer) }
}
