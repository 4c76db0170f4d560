import { concatenated } from '../../bytes.ts'
import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import {
  type Engine,
  type EngineModel,
  EngineOverloaded,
  type EngineState,
  type Fetch,
  type SpanRequest,
  type SpanResult,
} from '../engine.ts'
import { findEngineModel } from '../models.ts'
import { retryGeneration } from '../shared/generation.ts'
import { createReadiness, type Readiness } from '../shared/readiness.ts'
import { spanSeconds } from '../shared/span-result.ts'
import { markDown, markMisconfigured, type Sidecar, watchHealth } from './health.ts'
import { readSidecarReply } from './reply.ts'
import { requestTranscription } from './request.ts'

/**
 * Span lengths in seconds, and numbers of spans to send to each sidecar at once. The clips, and the windows of the
 * longer spans (nine each), fill the batches of a sidecar with two cores (two of 12), while the next ones arrive. A lone
 * clip of another user does not wait for them, since the sidecar takes turns between users.
 */
export const SIDECAR_LIMITS = {
  targetSpanSeconds: 120,
  maxSpanSeconds: 180,
  concurrency: 4,
  clipConcurrency: 32,
}

function stateOf(sidecars: Sidecar[]): EngineState {
  const healthy = sidecars.filter((sidecar) => sidecar.healthy)
  const unhealthy = sidecars.filter((sidecar) => !sidecar.healthy)
  const problems = unhealthy.map(({ url, problem }) => `${url} (${problem})`).join(', ')
  if (healthy.length === 0) {
    return { ready: false, detail: `No sidecar is ready: ${problems}. Start it, or correct SIDECAR_URL.` }
  }
  const detail = `${healthy.length} of ${sidecars.length} sidecars ready`
  return { ready: true, detail: unhealthy.length === 0 ? `${detail}.` : `${detail}; not ready: ${problems}.` }
}

/** Rotates through the sidecars that run a model, so that equally busy ones share the spans. */
function createPicker(sidecars: Sidecar[]) {
  let offset = 0
  return (tried: Set<Sidecar>, model: string | null): Sidecar | undefined => {
    offset = (offset + 1) % sidecars.length
    return [...sidecars.slice(offset), ...sidecars.slice(0, offset)]
      .filter((sidecar) => sidecar.healthy && !tried.has(sidecar))
      .filter(({ models }) => model === null || findEngineModel(models, model))
      .toSorted((a, b) => a.busy - b.busy)[0]
  }
}

/** The sidecars to choose from, and what requests to them need. */
type Pool = {
  nextSidecar: ReturnType<typeof createPicker>
  updateState: () => void
  ready: Readiness
  apiKey: string | undefined
  deadlineSeconds: number
  fetch: Fetch
}

function withContext({ pcm, diarize }: SpanRequest): Uint8Array<ArrayBuffer> {
  return diarize === null ? pcm : concatenated([diarize.before, pcm, diarize.after])
}

function noneFor({ model }: SpanRequest, { ready, detail }: EngineState): VerbatimError {
  const reason = ready && model !== null ? `No sidecar that runs the model ${model} is ready.` : detail
  return new VerbatimError('engine_unavailable', reason)
}

/** The models of all sidecars, those of the first sidecars first. */
function modelsOf(sidecars: readonly Sidecar[]): EngineModel[] {
  const models = new Map<string, EngineModel>()
  for (const model of sidecars.flatMap((sidecar) => sidecar.models)) {
    if (!models.has(model.id)) models.set(model.id, model)
  }
  return [...models.values()]
}

/** Sends a span to one sidecar after the other until one transcribes it. */
async function tryAll(pool: Pool, span: SpanRequest): Promise<SpanResult> {
  const { nextSidecar, updateState, ready, apiKey, deadlineSeconds, fetch } = pool
  const seconds = spanSeconds(span.pcm, SIDECAR_LIMITS.maxSpanSeconds)
  const wav = wavOf(withContext(span))
  const tried = new Set<Sidecar>()
  let overloaded: EngineOverloaded | undefined
  let misconfigured: VerbatimError | undefined
  for (;;) {
    const sidecar = nextSidecar(tried, span.model)
    if (!sidecar) {
      throw overloaded ?? misconfigured ?? noneFor(span, ready.state())
    }
    tried.add(sidecar)
    sidecar.busy += 1
    try {
      const { url } = sidecar
      const request = { url, apiKey, wav, span, deadlineSeconds, fetch }
      return readSidecarReply(await requestTranscription(request), {
        seconds,
        isDiarized: span.diarize !== null,
      })
    } catch (error) {
      if (error instanceof EngineOverloaded) {
        if (!overloaded || error.retryAfterSeconds < overloaded.retryAfterSeconds) overloaded = error
      } else if (error instanceof VerbatimError && error.code === 'engine_unavailable') {
        markDown(sidecar, error.message)
        updateState()
      } else if (error instanceof VerbatimError && error.code === 'engine_misconfigured') {
        markMisconfigured(sidecar, error.message)
        misconfigured = error
        updateState()
      } else throw error
    } finally {
      sidecar.busy -= 1
    }
  }
}

/**
 * One or several sidecars at `urls`, which have text-generation-inference's routes. A span goes to the least
 * busy healthy sidecar. If that one fails, is full or is misconfigured, the span goes to the next one before
 * this throws. A 424 is tried three times before it becomes `engine_rejected`. `deadlineSeconds` limits one
 * response. `onState` is called after each health check. `fetch` sends the spans.
 */
export function sidecarEngine(options: {
  urls: string[]
  apiKey?: string
  deadlineSeconds?: number
  onState?: (state: EngineState) => void
  fetch?: Fetch
}): Engine {
  const { apiKey, deadlineSeconds = 1200, onState, fetch: sendRequest = fetch } = options
  const sidecars = options.urls.map(
    (url): Sidecar => ({
      url: url.replace(/(?<!\/)\/+$/, ''),
      healthy: false,
      problem: 'not checked yet',
      models: [],
      busy: 0,
      refusedUntil: 0,
      checkSoon: () => {},
    }),
  )
  const nextSidecar = createPicker(sidecars)
  const closing = new AbortController()
  const ready = createReadiness(stateOf(sidecars))
  const updateState = () => {
    if (closing.signal.aborted) return
    ready.set(stateOf(sidecars))
    onState?.(ready.state())
  }
  for (const sidecar of sidecars) {
    void watchHealth({ sidecar, apiKey, onCheck: updateState, signal: closing.signal })
  }

  const pool = { nextSidecar, updateState, ready, apiKey, deadlineSeconds, fetch: sendRequest }

  return {
    name: 'sidecar',
    targetSpanSeconds: SIDECAR_LIMITS.targetSpanSeconds,
    maxSpanSeconds: SIDECAR_LIMITS.maxSpanSeconds,
    concurrency: SIDECAR_LIMITS.concurrency * sidecars.length,
    clipConcurrency: SIDECAR_LIMITS.clipConcurrency * sidecars.length,
    state: ready.state,
    models: () => modelsOf(sidecars),
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      return retryGeneration(() => tryAll(pool, span), span.signal)
    },

    async close() {
      closing.abort()
      ready.set({ ready: false, detail: 'The sidecar adapter is closed.' })
    },
  }
}
