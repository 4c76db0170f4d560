import type { Health } from './health.ts'

const CACHE_MS = 1_000

/**
 * Checks the components at most once a second, because anyone may call `/health/ready` at any rate. With
 * `sharesReads`, concurrent requests wait for the same check; on workerd a request must not wait for another
 * request's I/O.
 */
export function brieflyCached(health: Health, { sharesReads }: { sharesReads: boolean }): Health {
  let last: { at: number; readiness: Awaited<ReturnType<Health>> } | undefined
  let reading: ReturnType<Health> | undefined

  async function read() {
    const readiness = await health()
    last = { at: performance.now(), readiness }
    reading = undefined
    return readiness
  }

  return async () => {
    if (last && performance.now() - last.at < CACHE_MS) return last.readiness
    if (reading) return reading
    const own = read()
    if (sharesReads) {
      reading = own
      // Later requests must not get the error of this check.
      own.catch(() => {
        reading = undefined
      })
    }
    return own
  }
}
