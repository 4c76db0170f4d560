import type { Health } from './health.ts'

const KEPT_MS = 1_000

/**
 * Asks the database, the storage and the queue at most once a second, whoever asks and however often: anyone may. `sharesReads`:
 * requests that come meanwhile wait for the same answer; on workerd no request may wait for another's.
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
    if (last && performance.now() - last.at < KEPT_MS) return last.readiness
    if (reading) return reading
    const own = read()
    if (sharesReads) {
      reading = own
      // A reading that failed is not the answer to later requests.
      own.catch(() => {
        reading = undefined
      })
    }
    return own
  }
}
