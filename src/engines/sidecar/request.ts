import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { deadline } from '../../async.ts'
import { VerbatimError } from '../../errors.ts'
import { BYTES_PER_SECOND } from '../../media/media.ts'
import { storableText } from '../../storable-text.ts'
import { EngineOverloaded, type Fetch, type SpanRequest } from '../engine.ts'
import { GenerationFailed } from '../shared/generation.ts'
import { readErrorBody, readResponse } from '../shared/read-answer.ts'
import { retryAfterSeconds } from '../shared/retry-after.ts'

const MAX_SENTENCE_LENGTH = 300

export function authorization(apiKey: string | undefined): Record<string, string> {
  return apiKey ? { authorization: `Bearer ${apiKey}` } : {}
}

const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]']

/**
 * Bypasses the environment's proxy for a sidecar on this machine: the proxy would connect to its own machine.
 */
export function proxyFor(url: string): { proxy?: false } {
  return THIS_MACHINE.includes(new URL(url).hostname) ? { proxy: false } : {}
}

/**
 * The sentence in a text-generation-inference error body (`{error, error_type}`), or the start of any other
 * body.
 */
export function sidecarSentence(body: string): string {
  const sentence = errorIn(body).error ?? (body.trim().slice(0, 200) || 'no reason given')
  return storableText(sentence, MAX_SENTENCE_LENGTH)
}

const ErrorBody = Type.Object({ error: Type.String(), error_type: Type.Optional(Type.String()) })

/** Empty if the body has another form, such as the page of a proxy. */
function errorIn(body: string): Partial<Static<typeof ErrorBody>> {
  try {
    const parsed: unknown = JSON.parse(body)
    return Value.Check(ErrorBody, parsed) ? parsed : {}
  } catch {
    return {}
  }
}

async function failure(response: Response, url: string): Promise<VerbatimError> {
  const body = await readErrorBody(response)
  const message = `${url} answered ${response.status}: ${sidecarSentence(body)}`
  const overloaded = () =>
    new EngineOverloaded(message, { retryAfterSeconds: retryAfterSeconds(response.headers) })
  // The model cannot be loaded now. The sidecar can answer requests for its other models.
  if (response.status === 503 && errorIn(body).error_type === 'model') return overloaded()
  switch (response.status) {
    case 429:
      return overloaded()
    case 424:
      return new GenerationFailed(message)
    case 401:
    case 403:
      return new VerbatimError('engine_misconfigured', `${message}. Check the sidecar's API key.`)
    case 404:
    case 405:
      return new VerbatimError('engine_misconfigured', `${message}. Check SIDECAR_URL.`)
    case 400:
    case 413:
    case 415:
    case 422:
      return new VerbatimError('engine_rejected', message)
    default:
      return new VerbatimError('engine_unavailable', message)
  }
}

/**
 * The model reads at most 223 tokens of a prompt, its end. A token of English has about four characters, and
 * the address of a request must stay short.
 */
const MAX_PROMPT_LENGTH = 1000

function hintsOf({ prompt, keywords, languages }: SpanRequest): Record<string, string> {
  return {
    ...(prompt && { initial_prompt: [...prompt].slice(-MAX_PROMPT_LENGTH).join('') }),
    ...(keywords.length > 0 && { hotwords: keywords.join(', ') }),
    ...(languages.length > 0 && { languages: languages.join() }),
  }
}

function textFieldsOf(span: SpanRequest): Record<string, string> {
  return {
    language: span.language,
    ...(span.model !== null && { model: span.model }),
    words: String(span.words),
    // Sidecars of versions before 0.2 refuse the parameter; without it they do what they always did.
    ...(span.quality !== 'balanced' && { quality: span.quality }),
    ...hintsOf(span),
    ...(span.isLanguageHint && { language_hint: 'true' }),
  }
}

function speakerFieldsOf({ diarize }: SpanRequest): Record<string, string> {
  if (diarize === null) return {}
  const secondsOf = (pcm: Uint8Array) => String(pcm.length / BYTES_PER_SECOND)
  return {
    speakers: 'true',
    context_before: secondsOf(diarize.before),
    context_after: secondsOf(diarize.after),
  }
}

/**
 * Sends one span to one sidecar and returns the text of the response. Throws the errors of
 * `Engine.transcribe`, and `GenerationFailed` for status 424, which the caller retries.
 */
export async function requestTranscription(options: {
  url: string
  apiKey: string | undefined
  wav: Uint8Array<ArrayBuffer>
  span: SpanRequest
  deadlineSeconds: number
  fetch: Fetch
}): Promise<string> {
  const { url, wav, span, deadlineSeconds, fetch } = options
  const query = new URLSearchParams({
    task: span.task,
    details: 'true',
    ...(span.task !== 'diarize' && textFieldsOf(span)),
    ...speakerFieldsOf(span),
  })
  using limit = deadline(deadlineSeconds, span.signal)
  try {
    const response = await fetch(`${url}/generate?${query}`, {
      method: 'POST',
      headers: {
        'content-type': 'audio/wav',
        accept: 'application/json',
        // Headers, since sidecars of earlier versions refuse unknown parameters.
        'x-share': span.share,
        ...(!span.isHurried && { 'x-unhurried': 'true' }),
        ...authorization(options.apiKey),
      },
      body: wav,
      signal: limit.signal,
      // A response may take minutes. A pooled connection may have been closed by the other side.
      timeout: false,
      ...proxyFor(url),
      keepalive: false,
    })
    if (!response.ok) throw await failure(response, url)
    return await readResponse(response)
  } catch (error) {
    span.signal.throwIfAborted()
    if (error instanceof VerbatimError) throw error
    const reason = limit.hasPassed()
      ? `did not answer within ${deadlineSeconds} s`
      : `failed: ${error instanceof Error ? error.message : String(error)}`
    throw new VerbatimError('engine_unavailable', `${url} ${reason}.`, { cause: error })
  }
}
