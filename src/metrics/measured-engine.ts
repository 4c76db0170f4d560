import type { Engine } from '../engines/engine.ts'
import { VerbatimError } from '../errors.ts'
import { BYTES_PER_SECOND } from '../media/media.ts'
import type { Metrics } from './metrics.ts'

/** Wraps an engine so that each span is counted and timed. */
export function measuredEngine(engine: Engine, metrics: Pick<Metrics, 'span'>): Engine {
  return {
    ...engine,
    async transcribe(span) {
      const startedAt = performance.now()
      const record = (outcome: string) =>
        metrics.span({
          engine: engine.name,
          outcome,
          seconds: (performance.now() - startedAt) / 1000,
          audioSeconds: span.pcm.length / BYTES_PER_SECOND,
        })
      try {
        const result = await engine.transcribe(span)
        record('done')
        return result
      } catch (error) {
        if (span.signal.aborted) record('left')
        else record(error instanceof VerbatimError ? error.code : 'internal')
        throw error
      }
    },
  }
}
