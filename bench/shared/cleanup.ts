import { childrenOf } from './processes.ts'

/** Takes what is to be closed when all is over. */
export type Defer = (close: () => unknown) => void

/**
 * Runs `work`, and what it deferred at its end, the latest first: also when it fails, or the process is told to stop; then
 * whatever it has still started is ended, too.
 */
export async function withClosing(work: (defer: Defer) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const stopped = Promise.withResolvers<void>()
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // A second one, as `timeout` and a terminal send to all of a group, does not cut the closing short.
    process.on(signal, () => {
      isStopped = true
      stopped.resolve()
    })
  }
  stack.defer(async () => {
    if (!isStopped) return
    for (const pid of await childrenOf(process.pid)) process.kill(pid, 'SIGTERM')
    process.exit(1)
  })
  const working = work((close) => stack.defer(async () => void (await close())))
  // What it still does once it is stopped comes to nothing.
  working.catch(() => {})
  await Promise.race([working, stopped.promise])
}
