import { ENGINES_WITH_SPEAKERS, type SpanRequest, type SpanResult } from '../../engines/engine.ts'
import { waitForEngine } from './wait-for-engine.ts'
import type { WorkServices } from './work-services.ts'

const NO_SIDECAR = 'only a sidecar tells speakers apart, and none is available'
const MAX_ATTEMPTS = 10

/**
 * Adds the speakers to the result of an engine that does not tell them apart: another engine of the service
 * hears the same span for that. If it fails, the result has the problem instead. Throws the reason of the
 * request's signal only.
 */
export async function withSpeakers(
  services: Pick<WorkServices, 'engines' | 'log'>,
  { request, result }: { request: SpanRequest; result: SpanResult },
): Promise<SpanResult> {
  if (request.diarize === null || result.diarization) return result
  try {
    return { ...result, diarization: await diarizeElsewhere(services, request) }
  } catch (error) {
    request.signal.throwIfAborted()
    services.log('cannot tell the speakers of a span apart', error)
    return { ...result, diarization: { problem: error instanceof Error ? error.message : String(error) } }
  }
}

async function diarizeElsewhere(
  { engines }: Pick<WorkServices, 'engines'>,
  request: SpanRequest,
): Promise<NonNullable<SpanResult['diarization']>> {
  const diarize = async () => {
    const [engine] = await engines.available({ among: ENGINES_WITH_SPEAKERS })
    if (!engine) return { problem: NO_SIDECAR }
    const { diarization } = await engine.transcribe({ ...request, model: null, task: 'diarize' })
    return diarization ?? { problem: NO_SIDECAR }
  }
  return waitForEngine(diarize, { attempts: MAX_ATTEMPTS, signal: request.signal })
}
