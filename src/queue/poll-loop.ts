export type PollLoop = {
  /** Begins a round; one that comes while another runs is looked at behind it. */
  wake(): void
  /** Resolves once it does nothing any more. */
  stop(): Promise<void>
}

/** Does `round` again and again for as long as it gives true, one at a time, whenever it is woken, and every `everyMs`. */
export function startPollLoop({
  round,
  everyMs,
  onError,
}: {
  /** Gives whether there is more. */
  round: () => Promise<boolean>
  everyMs: number
  onError: (error: unknown) => void
}): PollLoop {
  let stopping = false
  let running: Promise<void> | null = null
  let again = false

  async function run() {
    do {
      again = false
      while (!stopping && (await round()));
    } while (again && !stopping)
  }

  function wake() {
    again = true
    if (running || stopping) return
    running = run()
      .catch(onError)
      .finally(() => {
        running = null
        if (again) wake()
      })
  }

  const timer = setInterval(wake, everyMs)
  return {
    wake,
    async stop() {
      stopping = true
      clearInterval(timer)
      await running
    },
  }
}
