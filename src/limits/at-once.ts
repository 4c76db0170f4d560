import { LimitError } from '../errors.ts'

const RETRY_SECONDS = 5

/** Acquires a permit of the user, until it is disposed. Throws `too_many_at_once`. */
type ConcurrencyLimit = (userId: string) => Disposable

/**
 * Limits what a user runs concurrently in this process, such as requests that hold a connection or a file
 * open.
 */
export function createConcurrencyLimit({
  perUser,
  problem,
}: {
  perUser: number
  /** The start of the error message; what to do follows. */
  problem: string
}): ConcurrencyLimit {
  const counts = new Map<string, number>()

  return (userId) => {
    const count = counts.get(userId) ?? 0
    if (count >= perUser) {
      throw new LimitError('too_many_at_once', `${problem}: try again when one of them has ended`, {
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
    counts.set(userId, count + 1)
    let isHeld = true
    return {
      [Symbol.dispose]() {
        if (!isHeld) return
        isHeld = false
        const remaining = (counts.get(userId) ?? 1) - 1
        if (remaining > 0) counts.set(userId, remaining)
        else counts.delete(userId)
      },
    }
  }
}
