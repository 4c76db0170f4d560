export type Slot = {
  /**
   * Runs `work` while other groups may use the slot, and then takes a slot again, before callers of its own group that have not
   * had one yet.
   */
  without(work: () => Promise<void>): Promise<void>
}

type Waiting = { start: () => void; isReturning: boolean }

/**
 * Lets `count` callers run at once. Groups that wait take turns (round robin), however many callers each has; within a group
 * it is first come, first served. Those that run `without` included, there are at most `begun` callers at a time, and at most
 * `perGroup` of one group.
 */
export function createSlots({
  count,
  perGroup = count,
  begun: most = Number.POSITIVE_INFINITY,
}: {
  count: number
  perGroup?: number
  begun?: number
}) {
  let free = count
  let all = 0
  const begun = new Map<string, number>()
  /** The group whose turn is next comes first. */
  const waiting = new Map<string, Waiting[]>()

  const isRoomFor = (group: string, isReturning: boolean) =>
    free > 0 && (isReturning || (all < most && (begun.get(group) ?? 0) < perGroup))

  function changeBegun(group: string, by: 1 | -1): void {
    all += by
    const now = (begun.get(group) ?? 0) + by
    if (now > 0) begun.set(group, now)
    else begun.delete(group)
  }

  function take(group: string, isReturning: boolean): void {
    free -= 1
    if (!isReturning) changeBegun(group, 1)
  }

  function startNext(): void {
    for (const [group, [first, ...others]] of waiting) {
      if (!first || !isRoomFor(group, first.isReturning)) continue
      waiting.delete(group)
      if (others.length > 0) waiting.set(group, others)
      take(group, first.isReturning)
      first.start()
      return
    }
  }

  function enqueue(group: string, one: Waiting): void {
    const own = waiting.get(group) ?? []
    const place = one.isReturning ? own.findIndex(({ isReturning }) => !isReturning) : -1
    waiting.set(group, place < 0 ? [...own, one] : own.toSpliced(place, 0, one))
  }

  function leave(group: string, one: Waiting): void {
    const others = waiting.get(group)?.filter((other) => other !== one) ?? []
    if (others.length > 0) waiting.set(group, others)
    else waiting.delete(group)
  }

  async function acquire(
    group: string,
    { signal, isReturning }: { signal: AbortSignal; isReturning: boolean },
  ) {
    signal.throwIfAborted()
    if (isRoomFor(group, isReturning)) return take(group, isReturning)
    const turn = Promise.withResolvers<void>()
    const one = { start: turn.resolve, isReturning }
    const onAbort = () => {
      leave(group, one)
      turn.reject(signal.reason)
    }
    enqueue(group, one)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await turn.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  function release(): void {
    free += 1
    startNext()
  }

  return {
    /** Runs `use` when it is its turn. Throws the signal's reason if that fires before. */
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
        changeBegun(group, -1)
        if (isHeld) release()
        else startNext()
      }
    },
  }
}
