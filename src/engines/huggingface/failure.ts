import { VerbatimError } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { EngineOverloaded } from '../engine.ts'
import { EngineAway, UNREACHABLE_SECONDS } from '../shared/away.ts'
import { GenerationFailed } from '../shared/generation.ts'
import { readErrorBody } from '../shared/read-answer.ts'
import { parsedBody, reasonIn } from '../shared/reason.ts'
import { retryAfterSeconds } from '../shared/retry-after.ts'
import type { HuggingFaceProvider } from './providers.ts'

/** Where requests go: to a model of a provider, or to an endpoint. */
export type Target = { model: string; provider: HuggingFaceProvider; endpointUrl: string | undefined }

export function describeTarget(target: Target): string {
  return target.endpointUrl
    ? `the endpoint ${withoutSecrets(target.endpointUrl)}`
    : `the model ${target.model}`
}

/** The model's name in results, unless the response has one. */
export function nameOf({ model, endpointUrl }: Target): string {
  return model || (endpointUrl && URL.parse(endpointUrl)?.host) || 'endpoint'
}

function withoutSecrets(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.origin}${parsed.pathname}` : url
}

/** The API overestimates the loading time, and spans should not wait much longer than needed. */
const MAX_AWAY_SECONDS = 60
const NO_CREDIT = /out of credit|exceeded your monthly|depleted your monthly|exhausted balance/i

export function unreachable(error: Error, target: Target, hide: (text: string) => string): EngineAway {
  return new EngineAway(
    `Hugging Face cannot be reached for ${describeTarget(target)}: ${hide(error.message)}`,
    {
      retryAfterSeconds: UNREACHABLE_SECONDS,
    },
  )
}

/** The error for a response whose status is not 2xx. `hide` removes the token from its text. */
export async function huggingFaceFailure(
  response: Response,
  target: Target,
  hide: (text: string) => string,
): Promise<VerbatimError> {
  const text = await readErrorBody(response)
  const body = parsedBody(text)
  const reason = storableText(hide(reasonIn(body) ?? (text.trim() || 'no reason given')), 300)
  const message = `Hugging Face answered ${response.status} for ${describeTarget(target)}: ${reason}`
  const misconfigured = (cure: string) => new VerbatimError('engine_misconfigured', `${message}. ${cure}`)
  const checkTarget = target.endpointUrl ? 'Check HF_ENDPOINT_URL.' : 'Check HF_MODEL and HF_PROVIDER.'
  const outOfCredit = () =>
    misconfigured('The account is out of credit: buy credit, or choose another engine.')
  switch (response.status) {
    case 401:
    case 403:
      if (NO_CREDIT.test(reason)) return outOfCredit()
      return misconfigured('Check HF_TOKEN and that it may call Inference Providers.')
    case 402:
      return outOfCredit()
    case 404:
    case 405:
    case 410:
      return misconfigured(checkTarget)
    case 424:
      return new GenerationFailed(message)
    case 429:
      return new EngineOverloaded(message, { retryAfterSeconds: retryAfterSeconds(response.headers) })
    case 503:
      // The model is loading, or the endpoint is starting after it was scaled to zero.
      return new EngineAway(message, {
        retryAfterSeconds: Math.min(
          MAX_AWAY_SECONDS,
          loadingSeconds(body) ?? retryAfterSeconds(response.headers),
        ),
      })
    case 408:
    case 409:
    case 425:
      return new VerbatimError('engine_unavailable', message)
  }
  if (/not supported by provider/i.test(reason)) return misconfigured(checkTarget)
  if (/endpoint is paused/i.test(reason)) return misconfigured('Resume it.')
  return new VerbatimError(response.status < 500 ? 'engine_rejected' : 'engine_unavailable', message)
}

/** Seconds until the model is loaded, from a 503 of the hosted API; null if it has none. */
function loadingSeconds(body: unknown): number | null {
  if (typeof body !== 'object' || body === null || !('estimated_time' in body)) return null
  const { estimated_time: seconds } = body
  return typeof seconds === 'number' && seconds > 0 ? seconds : null
}
