type Waiter = { start: () => void; isReturning: boolean }

/** The queues of groups that take turns. A returning waiter goes ahead of the others of its group. */
export function createRoundRobin() {
  /** In the order of the groups' turns. */
  const waiting = new Map<string, Waiter[]>()

  return {
    add(group: string, waiter: Waiter): void {
      const waiters = waiting.get(group) ?? []
      const index = waiter.isReturning ? waiters.findIndex(({ isReturning }) => !isReturning) : -1
      waiting.set(group, index < 0 ? [...waiters, waiter] : waiters.toSpliced(index, 0, waiter))
    },

    remove(group: string, waiter: Waiter): void {
      const others = waiting.get(group)?.filter((other) => other !== waiter) ?? []
      if (others.length > 0) waiting.set(group, others)
      else waiting.delete(group)
    },

    /** Removes the first waiter of the next group whose first waiter may start. */
    takeNext(
      mayStart: (group: string, isReturning: boolean) => boolean,
    ): { group: string; waiter: Waiter } | undefined {
      for (const [group, [first, ...others]] of waiting) {
        if (!first || !mayStart(group, first.isReturning)) continue
        waiting.delete(group)
        if (others.length > 0) waiting.set(group, others)
        return { group, waiter: first }
      }
      return undefined
    },
  }
}
