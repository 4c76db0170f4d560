import type { Database } from '../db/database.ts'
import { LimitError } from '../errors.ts'
import type { Quota } from '../quota.ts'
import { prepareCountUp } from './counters.store.ts'

const MINUTE = 60

/** Counts one more of what `key` names; gives what is left of it. Throws `LimitError` (`rate_limited`). */
export type Rate = (key: string) => Promise<Quota>

/** At most `perMinute` of each key, on all processes together. */
export function createRate({
  db,
  name,
  perMinute,
  sentence,
}: {
  db: Database
  /** Of the limit, for clients and in the database. */
  name: string
  perMinute: number
  /** What is said to who has had too many; the seconds to wait are added. */
  sentence: string
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
    throw new LimitError('rate_limited', `${sentence}: try again in ${secondsLeft} seconds`, {
      retryAfterSeconds: secondsLeft,
      quota,
    })
  }
}
