import { VerbatimError } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { EngineOverloaded } from '../engine.ts'
import { GenerationFailed } from '../shared/generation.ts'
import { readReason } from '../shared/read-answer.ts'
import { retryAfterSeconds } from '../shared/retry-after.ts'
import { loadingSeconds, parsedBody, reasonIn } from './reason.ts'

/** What is asked, for a sentence: a model at a provider, or an endpoint. */
export type Target = { model: string; provider: string; endpointUrl: string | undefined }

export function named(target: Target): string {
  return target.endpointUrl
    ? `the endpoint ${withoutSecrets(target.endpointUrl)}`
    : `the model ${target.model}`
}

function withoutSecrets(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.origin}${parsed.pathname}` : url
}

/** No span can be done there at the moment, whatever it is: all are kept back until `retryAfterSeconds` have passed. */
export class EngineAway extends EngineOverloaded {
  override name = 'EngineAway'
}

/** Loading is guessed at generously; what is up again sooner should not wait. */
const MOST_AWAY_SECONDS = 60
const NO_CREDIT = /out of credit|exceeded your monthly|depleted your monthly|exhausted balance/i

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
])
const ASK_AGAIN_SECONDS = 5

/** Whether a request never came to anybody, so that no span can be to blame for it. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && UNREACHABLE.has(String(error.code))
}

export function unreachable(error: Error, target: Target, hide: (text: string) => string): EngineAway {
  return new EngineAway(`Hugging Face cannot be reached for ${named(target)}: ${hide(error.message)}`, {
    retryAfterSeconds: ASK_AGAIN_SECONDS,
  })
}

/** What an answer that is no success means. `hide` takes the token out of what it says. */
export async function huggingFaceFailure(
  response: Response,
  target: Target,
  hide: (text: string) => string,
): Promise<VerbatimError> {
  const text = await readReason(response)
  const body = parsedBody(text)
  const why = storableText(hide(reasonIn(body) ?? (text.trim() || 'no reason given')), 300)
  const said = `Hugging Face answered ${response.status} for ${named(target)}: ${why}`
  const misconfigured = (cure: string) => new VerbatimError('engine_misconfigured', `${said}. ${cure}`)
  const where = target.endpointUrl ? 'Check HF_ENDPOINT_URL.' : 'Check HF_MODEL and HF_PROVIDER.'
  const credit = () => misconfigured('The account is out of credit: add some, or choose another engine.')
  switch (response.status) {
    case 401:
    case 403:
      if (NO_CREDIT.test(why)) return credit()
      return misconfigured('Check HF_TOKEN and that it may call Inference Providers.')
    case 402:
      return credit()
    case 404:
    case 405:
    case 410:
      return misconfigured(where)
    case 424:
      return new GenerationFailed(said)
    case 429:
      return new EngineOverloaded(said, { retryAfterSeconds: retryAfterSeconds(response.headers) })
    case 503:
      // A model that loads, or an endpoint that was scaled to zero and starts.
      return new EngineAway(said, {
        retryAfterSeconds: Math.min(
          MOST_AWAY_SECONDS,
          loadingSeconds(body) ?? retryAfterSeconds(response.headers),
        ),
      })
    case 408:
    case 409:
    case 425:
      return new VerbatimError('engine_unavailable', said)
  }
  if (/not supported by provider/i.test(why)) return misconfigured(where)
  if (/endpoint is paused/i.test(why)) return misconfigured('Resume it.')
  return new VerbatimError(response.status < 500 ? 'engine_rejected' : 'engine_unavailable', said)
}
