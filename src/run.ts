import { StartError } from './errors.ts'
import { createLifecycle, StopRequested } from './lifecycle.ts'
import { createLog, type Log } from './log.ts'

/** How long requests and spans in progress may continue after a signal, before they are aborted. */
const GRACE_MS = 10_000
/** Ctrl-C in a terminal reaches this process twice: from the terminal, and from npm, which forwards it. */
const SAME_SIGNAL_MS = 250

/**
 * Runs the service as this process, until SIGTERM or SIGINT stops it: exit code 0. A second signal exits at
 * once with code 1. A failed start prints one line to stderr: exit code 1.
 */
export async function run({
  env,
  onStep,
}: {
  env: Record<string, string | undefined>
  /** Called after each step of the start. */
  onStep?: (name: string) => void
}): Promise<void> {
  let log = createLog('text', console.log)
  const lifecycle = createLifecycle({
    ...(onStep && { onStep }),
    onError: (message, error) => log(message, error),
  })
  let signaledAt: number | undefined
  async function onSignal(signal: NodeJS.Signals) {
    if (signaledAt !== undefined) {
      if (performance.now() - signaledAt > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    signaledAt = performance.now()
    log(`${signal}: stopping`)
    await lifecycle.stop(GRACE_MS)
    log('stopped')
    process.exit(0)
  }
  // Before anything else is loaded: the kernel ignores a signal to the first process of a container that has
  // no handler.
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)

  try {
    const { serve } = await import('./serve.ts')
    const useLog = (chosen: Log) => {
      log = chosen
    }
    await serve({ env, lifecycle, graceMs: GRACE_MS, useLog })
  } catch (error) {
    if (error instanceof StopRequested || lifecycle.stopping.aborted) return
    console.error(error instanceof StartError ? error.message : error)
    await lifecycle.stop(0)
    process.exit(1)
  }
}
