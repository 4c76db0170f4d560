import { automaticSpeechRecognition, InferenceClientInputError } from '@huggingface/inference'
import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import type { Engine, EngineState, Fetch, SpanRequest } from '../engine.ts'
import { deadline } from '../shared/deadline.ts'
import { retryGeneration } from '../shared/generation.ts'
import { readAnswer } from '../shared/read-answer.ts'
import { readiness } from '../shared/readiness.ts'
import { spanSeconds } from '../shared/span-result.ts'
import { EngineAway, huggingFaceFailure, isUnreachable, named, type Target, unreachable } from './failure.ts'
import { readHuggingFaceReply } from './reply.ts'
import { argumentsFor, withParameters } from './request.ts'

/** The providers that do speech recognition through Hugging Face's client; the first is the default. */
export const HUGGINGFACE_PROVIDERS = ['hf-inference', 'fal-ai', 'together', 'deepinfra', 'replicate'] as const
export type HuggingFaceProvider = (typeof HUGGINGFACE_PROVIDERS)[number]

export const HUGGINGFACE_MODEL = 'openai/whisper-large-v3-turbo'
const TARGET_SECONDS = 25
const MAX_SECONDS = 30
/** Credit, access and deployments are set right without a word to us: tried again after this long. */
const MISCONFIGURED_SECONDS = 60

/**
 * The hosted Inference API, or a dedicated endpoint of it (`endpointUrl`, then no `provider`), through
 * Hugging Face's client, which resolves provider, address and token. `model`: a name on the hub. `fetch`:
 * what to go out through. The token appears in no error.
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
  const { token, endpointUrl, concurrency = 4, deadlineSeconds = 300, fetch: reach = fetch } = options
  const provider = options.provider ?? 'hf-inference'
  const target: Target = {
    model: options.model ?? (endpointUrl ? '' : HUGGINGFACE_MODEL),
    provider,
    endpointUrl,
  }
  const model = target.model || (endpointUrl && URL.parse(endpointUrl)?.host) || 'endpoint'
  const where = endpointUrl ? {} : { provider }
  const hide = (text: string) => (token ? text.replaceAll(token, '[token]') : text)
  const well: EngineState = { ready: true, detail: `Spans go to ${named(target)}.` }
  const unset: EngineState = {
    ready: false,
    detail: 'No Hugging Face token: set HF_TOKEN or HF_ENDPOINT_URL.',
  }
  const ready = readiness(token || endpointUrl ? well : unset)
  let again: ReturnType<typeof setTimeout> | undefined

  /** Takes no spans for a while, since none could be done, and says why. */
  function rest({ message }: VerbatimError, seconds: number) {
    clearTimeout(again)
    ready.set({ ready: false, detail: message })
    again = setTimeout(() => ready.set(well), seconds * 1000)
    again.unref()
  }

  /** The engine's word for anything that the client, the network or an answer's reader threw. */
  function explain(error: unknown, late: boolean): VerbatimError {
    if (error instanceof VerbatimError) return error
    const message = hide(error instanceof Error ? error.message : String(error)).slice(0, 300)
    if (error instanceof InferenceClientInputError) {
      return new VerbatimError('engine_misconfigured', `${message} Check HF_MODEL and HF_PROVIDER.`)
    }
    const why = late ? `no answer within ${deadlineSeconds} s` : message
    // The client's errors carry the request: not passed on as a cause, so that no logger writes its headers.
    return new VerbatimError('engine_unavailable', `Hugging Face broke off for ${named(target)}: ${why}.`)
  }

  async function ask(span: SpanRequest, wav: Uint8Array<ArrayBuffer>, seconds: number) {
    const told = argumentsFor(span, target)
    const limit = deadline(deadlineSeconds, span.signal)
    const { signal } = limit
    const send = async (url: string | URL | Request, init: RequestInit = {}) => {
      const request = { ...(await withParameters(init, told.parameters)), signal }
      const response = await reach(url, request).catch((error) => {
        throw isUnreachable(error) ? unreachable(error, target, hide) : error
      })
      if (!response.ok) throw await huggingFaceFailure(response, target, hide)
      // The client would read it whole, however large.
      const { status, headers } = response
      return new Response(await readAnswer(response), { status, headers })
    }
    try {
      const reply: unknown = await automaticSpeechRecognition(
        {
          inputs: new Blob([wav], { type: 'audio/wav' }),
          ...told,
          ...where,
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
      throw explain(error, limit.passed())
    } finally {
      limit.clear()
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
      if (!token && !endpointUrl) throw new VerbatimError('engine_misconfigured', unset.detail)
      const wav = wavOf(span.pcm)
      try {
        const result = await retryGeneration(() => ask(span, wav, seconds), span.signal)
        clearTimeout(again)
        if (!ready.state().ready) ready.set(well)
        return result
      } catch (error) {
        if (error instanceof EngineAway) rest(error, error.retryAfterSeconds)
        if (error instanceof VerbatimError && error.code === 'engine_misconfigured') {
          rest(error, MISCONFIGURED_SECONDS)
        }
        throw error
      }
    },

    async close() {
      clearTimeout(again)
      ready.set({ ready: false, detail: 'The hosted engine is closed.' })
    },
  }
}
