import type { EngineState } from '../engine.ts'

/** A state to wait for: `whenReady` resolves as soon as a ready state is set, or at once if it is. */
export type Readiness = {
  state(): EngineState
  set(state: EngineState): void
  whenReady(signal: AbortSignal): Promise<void>
}

export function createReadiness(initial: EngineState): Readiness {
  let current = initial
  const waiters = new Set<() => void>()
  return {
    state: () => current,
    set(state) {
      current = state
      if (state.ready) for (const wake of [...waiters]) wake()
    },
    async whenReady(signal) {
      signal.throwIfAborted()
      if (current.ready) return
      await new Promise<void>((resolve, reject) => {
        const settle = (finish: () => void) => {
          waiters.delete(wake)
          signal.removeEventListener('abort', abort)
          finish()
        }
        const wake = () => settle(resolve)
        const abort = () => settle(() => reject(signal.reason))
        waiters.add(wake)
        signal.addEventListener('abort', abort)
      })
    },
  }
}
