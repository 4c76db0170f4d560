import type { Engine } from '../engines/engine.ts'
import { VerbatimError } from '../errors.ts'
import { BYTES_PER_SECOND } from '../media/media.ts'
import type { Metrics } from './metrics.ts'

/** The same engine, with its spans counted. */
export function measuredEngine(engine: Engine, metrics: Pick<Metrics, 'span'>): Engine {
  return {
    ...engine,
    async transcribe(span) {
      const begun = performance.now()
      const tell = (outcome: string) =>
        metrics.span({
          engine: engine.name,
          outcome,
          seconds: (performance.now() - begun) / 1000,
          audioSeconds: span.pcm.length / BYTES_PER_SECOND,
        })
      try {
        const result = await engine.transcribe(span)
        tell('done')
        return result
      } catch (error) {
        if (span.signal.aborted) tell('left')
        else tell(error instanceof VerbatimError ? error.code : 'internal')
        throw error
      }
    },
  }
}
