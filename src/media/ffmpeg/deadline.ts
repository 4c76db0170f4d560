/** Calls `onPassed` after `ms` in which it was not held, once. */
export function createDeadline(ms: number, onPassed: () => void) {
  let left = ms
  let startedAt = 0
  let timer: ReturnType<typeof setTimeout>
  const resume = () => {
    startedAt = performance.now()
    timer = setTimeout(onPassed, left)
  }
  const hold = () => {
    clearTimeout(timer)
    left -= performance.now() - startedAt
  }
  resume()
  return { hold, resume, clear: () => clearTimeout(timer) }
}
