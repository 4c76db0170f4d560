import type { Database } from '../db/database.ts'
import { LimitError, type Quota } from '../errors.ts'
import { prepareCountUp } from './counters.store.ts'

const MINUTE = 60

/** Counts one event for `key` and returns the remaining quota. Throws `LimitError` (`rate_limited`). */
export type Rate = (key: string) => Promise<Quota>

/** Limits events per key and minute, across all processes. */
export function createRate({
  db,
  name,
  perMinute,
  problem,
}: {
  db: Database
  /** The name of the limit, for clients and in the database. */
  name: string
  perMinute: number
  /** The start of the error message; the seconds to wait follow. */
  problem: string
}): Rate {
  const countUp = prepareCountUp(db, { windowSeconds: MINUTE })
  return async (key) => {
    const { count, secondsLeft } = await countUp(`${name}:${key}`)
    const quota = {
      name,
      limit: perMinute,
      windowSeconds: MINUTE,
      remaining: Math.max(0, perMinute - count),
      resetSeconds: secondsLeft,
    }
    if (count <= perMinute) return quota
    throw new LimitError('rate_limited', `${problem}: try again in ${secondsLeft} seconds`, {
      retryAfterSeconds: secondsLeft,
      quota,
    })
  }
}
