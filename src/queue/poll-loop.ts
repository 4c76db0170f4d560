export type PollLoop = {
  /** Starts passes. If one runs, another pass follows it, because the running one may have read too early. */
  wake(): void
  /** Starts no more passes. Resolves when none runs. */
  stop(): Promise<void>
}

/**
 * Runs `pass` when it is woken and, if given, `everyMs` after the latest: one pass at a time, repeated until it
 * returns false. It is idle at first. `wake` during a pass is coalesced: however often it is called, the passes
 * are repeated once.
 */
export function startPollLoop({
  pass,
  everyMs,
  onError,
}: {
  /** Returns whether there may be more to do. */
  pass: () => Promise<boolean>
  everyMs?: () => number
  /** Receives the error of a pass. The loop continues with the next wake or interval. */
  onError: (error: unknown) => void
}): PollLoop {
  let stopping = false
  let running: Promise<void> | null = null
  let isWoken = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function wait() {
    clearTimeout(timer)
    if (everyMs && !stopping) timer = setTimeout(wake, everyMs())
  }

  async function run() {
    do {
      isWoken = false
      while (!stopping && (await pass()));
    } while (isWoken && !stopping)
  }

  function wake() {
    isWoken = true
    if (running || stopping) return
    running = run()
      .catch(onError)
      .finally(() => {
        running = null
        wait()
        // A wake between the end of `run` and this line.
        if (isWoken) wake()
      })
  }

  wait()
  return {
    wake,
    async stop() {
      stopping = true
      clearTimeout(timer)
      await running
    },
  }
}
