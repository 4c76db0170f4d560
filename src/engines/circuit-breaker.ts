import { backoff } from './shared/backoff.ts'

/** The circuit is open: the work was not started. */
export class CircuitOpen extends Error {
  override name = 'CircuitOpen'
}

/**
 * Returns a function that runs work while its circuit is closed. After `failuresToOpen` failures in a row the
 * circuit opens, and calls throw `CircuitOpen`. After a pause one call may try again: if it fails, the
 * circuit stays open for about twice as long; otherwise it closes. Errors for which `isFailure` is false
 * prove that the other side works.
 */
export function createCircuitBreaker({
  isFailure,
  failuresToOpen,
  pauseMs,
}: {
  isFailure: (error: unknown) => boolean
  failuresToOpen: number
  /** The first pause, and the longest. */
  pauseMs: { first: number; most: number }
}) {
  let failures = 0
  /** Pauses in a row; 0 while the circuit is closed. */
  let pauses = 0
  let openUntil = 0
  let hasTrial = false

  function open() {
    pauses += 1
    openUntil = Date.now() + backoff(pauses, pauseMs)
  }

  function close() {
    pauses = 0
    failures = 0
  }

  return async function execute<T>(work: () => Promise<T>): Promise<T> {
    const isTrial = pauses > 0
    if (isTrial && (hasTrial || Date.now() < openUntil)) throw new CircuitOpen()
    hasTrial = isTrial
    // The outcome of a call from before the circuit opened says nothing about the time since.
    const isStale = () => !isTrial && pauses > 0
    try {
      const result = await work()
      if (!isStale()) close()
      return result
    } catch (error) {
      if (isStale()) throw error
      if (!isFailure(error)) {
        if (isTrial) close()
        throw error
      }
      failures += 1
      if (isTrial || failures >= failuresToOpen) open()
      throw error
    } finally {
      if (isTrial) hasTrial = false
    }
  }
}
