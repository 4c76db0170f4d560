import { createRoundRobin } from './round-robin.ts'

export type Slot = {
  /**
   * Releases the slot while `work` runs, and then waits for a slot again, ahead of callers of the same group
   * that have not started.
   */
  without(work: () => Promise<void>): Promise<void>
}

type Limits = { count: number; perGroup?: number; started?: number }

/**
 * A semaphore that is fair to groups: `count` callers run at once, waiting groups take turns (round robin),
 * and each group is served in order of arrival. Including callers within `without`, at most `started` callers
 * have started and not finished, and at most `perGroup` of one group.
 */
export function createSlots({
  count,
  perGroup = count,
  started: maxStarted = Number.POSITIVE_INFINITY,
}: Limits) {
  let free = count
  const started = countStarted({ max: maxStarted, perGroup })
  const waiting = createRoundRobin()

  const isRoomFor = (group: string, isReturning: boolean) =>
    free > 0 && (isReturning || started.isRoomFor(group))

  function occupy(group: string, isReturning: boolean): void {
    free -= 1
    if (!isReturning) started.change(group, 1)
  }

  function startNext(): void {
    const next = waiting.takeNext(isRoomFor)
    if (!next) return
    occupy(next.group, next.waiter.isReturning)
    next.waiter.start()
  }

  async function acquire(
    group: string,
    { signal, isReturning }: { signal: AbortSignal; isReturning: boolean },
  ) {
    signal.throwIfAborted()
    if (isRoomFor(group, isReturning)) return occupy(group, isReturning)
    const slotFree = Promise.withResolvers<void>()
    const waiter = { start: slotFree.resolve, isReturning }
    const onAbort = () => {
      waiting.remove(group, waiter)
      slotFree.reject(signal.reason)
    }
    waiting.add(group, waiter)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await slotFree.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  function release(): void {
    free += 1
    startNext()
  }

  return {
    /** Runs `use` once there is a free slot. Throws the signal's reason if `signal` fires before. */
    async within<T>(
      { group, signal }: { group: string; signal: AbortSignal },
      use: (slot: Slot) => Promise<T>,
    ): Promise<T> {
      await acquire(group, { signal, isReturning: false })
      let isHeld = true
      const slot: Slot = {
        async without(work) {
          isHeld = false
          release()
          await work()
          await acquire(group, { signal, isReturning: true })
          isHeld = true
        },
      }
      try {
        return await use(slot)
      } finally {
        started.change(group, -1)
        if (isHeld) release()
        else startNext()
      }
    },
  }
}

/** Counts the callers that have started and not finished. */
function countStarted({ max, perGroup }: { max: number; perGroup: number }) {
  let total = 0
  const byGroup = new Map<string, number>()

  return {
    isRoomFor: (group: string) => total < max && (byGroup.get(group) ?? 0) < perGroup,
    change(group: string, by: 1 | -1): void {
      total += by
      const count = (byGroup.get(group) ?? 0) + by
      if (count > 0) byGroup.set(group, count)
      else byGroup.delete(group)
    },
  }
}
