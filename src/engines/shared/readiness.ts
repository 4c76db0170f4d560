import type { EngineState } from '../engine.ts'

/** A state that others can wait on: `whenReady` resolves at once, or as soon as a ready state is set. */
export type Readiness = {
  state(): EngineState
  set(state: EngineState): void
  whenReady(signal: AbortSignal): Promise<void>
}

export function readiness(first: EngineState): Readiness {
  let current = first
  const waiting = new Set<() => void>()
  return {
    state: () => current,
    set(state) {
      current = state
      if (state.ready) for (const wake of [...waiting]) wake()
    },
    async whenReady(signal) {
      signal.throwIfAborted()
      if (current.ready) return
      await new Promise<void>((resolve, reject) => {
        const settle = (finish: () => void) => {
          waiting.delete(wake)
          signal.removeEventListener('abort', abort)
          finish()
        }
        const wake = () => settle(resolve)
        const abort = () => settle(() => reject(signal.reason))
        waiting.add(wake)
        signal.addEventListener('abort', abort)
      })
    },
  }
}
