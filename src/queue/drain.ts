import type { Consumer } from './consumer.ts'

/** Time for the handlers to settle after their signals have fired, before their jobs are released. */
const ABORT_MS = 2_000

/**
 * Fetches no more jobs, waits up to `graceMs` for running jobs, then fires their signals and returns them to
 * the queue.
 */
export async function drainConsumers(consumers: Consumer[], graceMs: number): Promise<void> {
  const abort = setTimeout(() => {
    for (const consumer of consumers) consumer.abort()
  }, graceMs)
  const stopped = Promise.all(consumers.map((consumer) => consumer.stop()))
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, graceMs + ABORT_MS)
  await Promise.race([stopped, late.promise])
  clearTimeout(timer)
  clearTimeout(abort)
  for (const consumer of consumers) await consumer.release()
}
