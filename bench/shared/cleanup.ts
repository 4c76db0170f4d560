import { childrenOf } from './processes.ts'

/** Registers a function that runs at the end. */
export type Defer = (close: () => unknown) => void

/**
 * Runs `work`, then its deferred functions, last first: also if it fails or the process gets SIGINT or
 * SIGTERM. After such a signal, the process also ends its remaining children and exits with status 1.
 */
export async function withCleanup(work: (defer: Defer) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const stopped = Promise.withResolvers<void>()
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // `on`, not `once`: `timeout` and terminals signal the whole process group twice, and the second must not
    // kill the cleanup.
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
  // After a signal, errors of `work` no longer matter.
  working.catch(() => {})
  await Promise.race([working, stopped.promise])
}
