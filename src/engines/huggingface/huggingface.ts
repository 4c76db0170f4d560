import { automaticSpeechRecognition, InferenceClientInputError } from '@huggingface/inference'
import { deadline } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import type { Engine, EngineState, Fetch, SpanRequest } from '../engine.ts'
import { retryGeneration } from '../shared/generation.ts'
import { readResponse } from '../shared/read-answer.ts'
import { createReadiness } from '../shared/readiness.ts'
import { spanSeconds } from '../shared/span-result.ts'
import {
  describeTarget,
  EngineAway,
  huggingFaceFailure,
  isUnreachable,
  type Target,
  unreachable,
} from './failure.ts'
import { readHuggingFaceReply } from './reply.ts'
import { argumentsFor, withParameters } from './request.ts'

/** The providers with speech recognition in Hugging Face's client. The first one is the default. */
const HUGGINGFACE_PROVIDERS = ['hf-inference', 'fal-ai', 'together', 'deepinfra', 'replicate'] as const
export type HuggingFaceProvider = (typeof HUGGINGFACE_PROVIDERS)[number]

const HUGGINGFACE_MODEL = 'openai/whisper-large-v3-turbo'
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
  const { token, endpointUrl, concurrency = 4, deadlineSeconds = 300, fetch: sendRequest = fetch } = options
  const provider = options.provider ?? 'hf-inference'
  const target: Target = {
    model: options.model ?? (endpointUrl ? '' : HUGGINGFACE_MODEL),
    provider,
    endpointUrl,
  }
  const model = target.model || (endpointUrl && URL.parse(endpointUrl)?.host) || 'endpoint'
  const providerOption = endpointUrl ? {} : { provider }
  const hide = (text: string) => (token ? text.replaceAll(token, '[token]') : text)
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

  /** Converts errors of the client, the network and the response. */
  function toEngineError(error: unknown, isLate: boolean): VerbatimError {
    if (error instanceof VerbatimError) return error
    const message = hide(error instanceof Error ? error.message : String(error)).slice(0, 300)
    if (error instanceof InferenceClientInputError) {
      return new VerbatimError('engine_misconfigured', `${message} Check HF_MODEL and HF_PROVIDER.`)
    }
    const reason = isLate ? `no answer within ${deadlineSeconds} s` : message
    // Without the cause: the client's errors contain the request, and no log may show its headers.
    return new VerbatimError(
      'engine_unavailable',
      `Hugging Face failed for ${describeTarget(target)}: ${reason}.`,
    )
  }

  async function request(span: SpanRequest, wav: Uint8Array<ArrayBuffer>, seconds: number) {
    const args = argumentsFor(span, target)
    using limit = deadline(deadlineSeconds, span.signal)
    const { signal } = limit
    const send = async (url: string | URL | Request, init: RequestInit = {}) => {
      const fullInit = { ...(await withParameters(init, args.parameters)), signal }
      const response = await sendRequest(url, fullInit).catch((error) => {
        throw isUnreachable(error) ? unreachable(error, target, hide) : error
      })
      if (!response.ok) throw await huggingFaceFailure(response, target, hide)
      // The client would read a response of any size.
      const { status, headers } = response
      return new Response(await readResponse(response), { status, headers })
    }
    try {
      const reply: unknown = await automaticSpeechRecognition(
        {
          inputs: new Blob([wav], { type: 'audio/wav' }),
          ...args,
          ...providerOption,
          ...(token ? { accessToken: token } : {}),
          ...(target.model ? { model: target.model } : {}),
          ...(endpointUrl ? { endpointUrl } : {}),
        },
        { fetch: Object.assign(send, { preconnect: fetch.preconnect }), retry_on_error: false, signal },
      )
      const language = span.language === 'auto' ? null : span.language
      const read = readHuggingFaceReply(reply, { seconds, language })
      return { segments: read.segments, model: target.model || read.model || model }
    } catch (error) {
      span.signal.throwIfAborted()
      throw toEngineError(error, limit.hasPassed())
    }
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
