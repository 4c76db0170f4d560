import { LimitError } from '../errors.ts'

const RETRY_SECONDS = 5

/** Takes one of a user's places until it is disposed of. Throws `too_many_at_once`. */
export type ConcurrencyLimit = (userId: string) => Disposable

/** At most `perUser` of each user at a time in this process: what holds a connection, memory or a file open. */
export function createConcurrencyLimit({
  perUser,
  sentence,
}: {
  perUser: number
  /** What is said to a user who has as many; what to do is added. */
  sentence: string
}): ConcurrencyLimit {
  const held = new Map<string, number>()

  return (userId) => {
    const count = held.get(userId) ?? 0
    if (count >= perUser) {
      throw new LimitError('too_many_at_once', `${sentence}: try again when one of them has ended`, {
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
    held.set(userId, count + 1)
    let isHeld = true
    return {
      [Symbol.dispose]() {
        if (!isHeld) return
        isHeld = false
        const left = (held.get(userId) ?? 1) - 1
        if (left > 0) held.set(userId, left)
        else held.delete(userId)
      },
    }
  }
}
