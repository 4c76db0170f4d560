export type Slot = {
  /**
   * Releases the slot while `work` runs, and then waits for a slot again, ahead of callers of the same group
   * that have not started.
   */
  without(work: () => Promise<void>): Promise<void>
}

type Waiter = { start: () => void; isReturning: boolean }

/**
 * A semaphore that is fair to groups: `count` callers run at once, waiting groups take turns (round robin),
 * and each group is served in order of arrival. Including callers within `without`, at most `started` callers
 * have started and not finished, and at most `perGroup` of one group.
 */
export function createSlots({
  count,
  perGroup = count,
  started: maxStarted = Number.POSITIVE_INFINITY,
}: {
  count: number
  perGroup?: number
  started?: number
}) {
  let free = count
  let startedCount = 0
  const startedByGroup = new Map<string, number>()
  /** In the order of the groups' turns. */
  const waiting = new Map<string, Waiter[]>()

  const isRoomFor = (group: string, isReturning: boolean) =>
    free > 0 && (isReturning || (startedCount < maxStarted && (startedByGroup.get(group) ?? 0) < perGroup))

  function changeStarted(group: string, by: 1 | -1): void {
    startedCount += by
    const count = (startedByGroup.get(group) ?? 0) + by
    if (count > 0) startedByGroup.set(group, count)
    else startedByGroup.delete(group)
  }

  function occupy(group: string, isReturning: boolean): void {
    free -= 1
    if (!isReturning) changeStarted(group, 1)
  }

  function startNext(): void {
    for (const [group, [first, ...others]] of waiting) {
      if (!first || !isRoomFor(group, first.isReturning)) continue
      waiting.delete(group)
      if (others.length > 0) waiting.set(group, others)
      occupy(group, first.isReturning)
      first.start()
      return
    }
  }

  function enqueue(group: string, waiter: Waiter): void {
    const waiters = waiting.get(group) ?? []
    const index = waiter.isReturning ? waiters.findIndex(({ isReturning }) => !isReturning) : -1
    waiting.set(group, index < 0 ? [...waiters, waiter] : waiters.toSpliced(index, 0, waiter))
  }

  function dequeue(group: string, waiter: Waiter): void {
    const others = waiting.get(group)?.filter((other) => other !== waiter) ?? []
    if (others.length > 0) waiting.set(group, others)
    else waiting.delete(group)
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
      dequeue(group, waiter)
      slotFree.reject(signal.reason)
    }
    enqueue(group, waiter)
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
        changeStarted(group, -1)
        if (isHeld) release()
        else startNext()
      }
    },
  }
}
