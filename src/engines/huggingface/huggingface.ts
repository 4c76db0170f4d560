import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import type { Engine, EngineState, Fetch } from '../engine.ts'
import { retryGeneration } from '../shared/generation.ts'
import { createReadiness } from '../shared/readiness.ts'
import { spanSeconds } from '../shared/span-result.ts'
import { createRequest } from './client.ts'
import { describeTarget, EngineAway, type Target } from './failure.ts'
import { HUGGINGFACE_MODEL, HUGGINGFACE_PROVIDERS, type HuggingFaceProvider } from './providers.ts'

const TARGET_SECONDS = 25
const MAX_SECONDS = 30
/** After this time a span is sent again, to find out whether credit, access or deployment were corrected. */
const MISCONFIGURED_SECONDS = 60

/**
 * The hosted Inference API, or a dedicated endpoint (`endpointUrl`, without `provider`), through Hugging
 * Face's client, which resolves provider, URL and token. `model`: a name on the hub. `fetch` sends the
 * requests. No error contains the token.
 */
export function huggingfaceEngine(options: {
  token?: string
  model?: string
  provider?: HuggingFaceProvider
  endpointUrl?: string
  concurrency?: number
  deadlineSeconds?: number
  fetch?: Fetch
}): Engine {
  const { token, endpointUrl, concurrency = 4, deadlineSeconds = 300 } = options
  const provider = options.provider ?? HUGGINGFACE_PROVIDERS[0]
  const target: Target = {
    model: options.model ?? (endpointUrl ? '' : HUGGINGFACE_MODEL),
    provider,
    endpointUrl,
  }
  const request = createRequest({ token, target, deadlineSeconds, fetch: options.fetch ?? fetch })
  const usable: EngineState = { ready: true, detail: `Spans go to ${describeTarget(target)}.` }
  const withoutToken: EngineState = {
    ready: false,
    detail: 'No Hugging Face token: set HF_TOKEN or HF_ENDPOINT_URL.',
  }
  const ready = createReadiness(token || endpointUrl ? usable : withoutToken)
  let resumeTimer: ReturnType<typeof setTimeout> | undefined

  /** Accepts no spans for a while, with the error as the state's detail. */
  function pause({ message }: VerbatimError, seconds: number) {
    clearTimeout(resumeTimer)
    ready.set({ ready: false, detail: message })
    resumeTimer = setTimeout(() => ready.set(usable), seconds * 1000)
    resumeTimer.unref()
  }

  return {
    name: 'huggingface',
    targetSpanSeconds: TARGET_SECONDS,
    maxSpanSeconds: MAX_SECONDS,
    concurrency,
    clipConcurrency: concurrency,
    state: ready.state,
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      const seconds = spanSeconds(span.pcm, MAX_SECONDS)
      if (!token && !endpointUrl) throw new VerbatimError('engine_misconfigured', withoutToken.detail)
      const wav = wavOf(span.pcm)
      try {
        const result = await retryGeneration(() => request(span, wav, seconds), span.signal)
        clearTimeout(resumeTimer)
        if (!ready.state().ready) ready.set(usable)
        return result
      } catch (error) {
        if (error instanceof EngineAway) pause(error, error.retryAfterSeconds)
        if (error instanceof VerbatimError && error.code === 'engine_misconfigured') {
          pause(error, MISCONFIGURED_SECONDS)
        }
        throw error
      }
    },

    async close() {
      clearTimeout(resumeTimer)
      ready.set({ ready: false, detail: 'The hosted engine is closed.' })
    },
  }
}
