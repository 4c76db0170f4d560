/** A step that a stop interrupts is awaited for this long, so that what it opens can be closed. */
const OPEN_MS = 2_000
/** Closing all steps takes at most this long after the grace period. */
const CLOSE_MS = 4_000

/** The start was interrupted by a stop: there is nothing to report. */
export class StopRequested extends Error {
  override name = 'StopRequested'
}

/**
 * Opens one resource of the process. `close` closes it, and receives the milliseconds that work in progress
 * may still take. If a stop was requested, throws `StopRequested` instead of opening the resource, or after
 * opening it.
 */
export type Step = <T>(
  name: string,
  open: () => T | Promise<T>,
  close?: (opened: T, graceMs: number) => unknown,
) => Promise<T>

export type Lifecycle = {
  /** Fires when a stop is requested. */
  stopping: AbortSignal
  step: Step
  /** Closes every opened step, the latest first. Resolves within `graceMs` plus 4 s, also if a step hangs. */
  stop(graceMs: number): Promise<void>
}

/**
 * The states of a process: starting (steps are opened one after another) → running → stopping (no step is
 * opened, each opened one is closed, the latest first) → stopped. A stop may come at any moment of the start.
 * A step that is being opened at that moment is awaited for 2 s and closed with the others; if it takes
 * longer, it is closed when it has opened.
 */
export function createLifecycle({
  onStep = () => {},
  onError,
}: {
  /** Called after each step of the start. */
  onStep?: (name: string) => void
  onError: (message: string, error?: unknown) => void
}): Lifecycle {
  const stopping = new AbortController()
  const opened: { name: string; close: (graceMs: number) => unknown }[] = []
  let opening: Promise<unknown> = Promise.resolve()
  let closing = ''
  let isClosed = false
  let stopped: Promise<void> | undefined

  async function closeStep({ name, close }: (typeof opened)[number], graceMs: number) {
    closing = name
    try {
      await close(graceMs)
    } catch (error) {
      onError(`closing ${name} failed`, error)
    }
  }

  async function closeAll(graceMs: number) {
    const deadline = performance.now() + graceMs
    await within(OPEN_MS, opening)
    isClosed = true
    for (const step of opened.toReversed()) {
      await closeStep(step, Math.max(0, deadline - performance.now()))
    }
  }

  return {
    stopping: stopping.signal,

    async step(name, open, close = () => {}) {
      if (stopping.signal.aborted) throw new StopRequested()
      const work = (async () => {
        const value = await open()
        const step = { name, close: (graceMs: number) => close(value, graceMs) }
        if (isClosed) await closeStep(step, 0)
        else opened.push(step)
        return value
      })()
      opening = work.catch(() => {})
      const value = await work
      onStep(name)
      if (stopping.signal.aborted) throw new StopRequested()
      return value
    },

    stop(graceMs) {
      stopping.abort(new StopRequested())
      stopped ??= (async () => {
        const isDone = await within(graceMs + CLOSE_MS, closeAll(graceMs))
        if (!isDone) onError(`stopping without waiting for ${closing} any longer`)
      })()
      return stopped
    },
  }
}

/** Whether `work` ended within `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), ms)
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
