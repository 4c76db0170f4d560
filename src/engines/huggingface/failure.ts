import { VerbatimError } from '../../errors.ts'
import { EngineOverloaded } from '../engine.ts'
import { GenerationFailed } from '../generation.ts'
import { retryAfterSeconds } from '../retry-after.ts'

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

/**
 * The reason in an error body: Hugging Face and its providers put it under `error`, `detail` or `message`.
 */
function reason(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null) {
      const told = [
        'error' in parsed ? parsed.error : undefined,
        'detail' in parsed ? parsed.detail : undefined,
        'message' in parsed ? parsed.message : undefined,
      ].find((part) => part !== undefined)
      if (typeof told === 'string') return told
      if (Array.isArray(told)) return told.map(String).join('; ')
      if (told !== undefined) return JSON.stringify(told)
    }
  } catch {
    // An HTML page from a proxy, say.
  }
  return body.trim() || 'no reason given'
}

/** What an answer that is no success means. `hide` takes the token out of what it says. */
export async function huggingFaceFailure(
  response: Response,
  target: Target,
  hide: (text: string) => string,
): Promise<VerbatimError> {
  const why = hide(reason(await response.text())).slice(0, 300)
  const said = `Hugging Face answered ${response.status} for ${named(target)}: ${why}`
  const misconfigured = (cure: string) => new VerbatimError('engine_misconfigured', `${said}. ${cure}`)
  const where = target.endpointUrl ? 'Check HF_ENDPOINT_URL.' : 'Check HF_MODEL and HF_PROVIDER.'
  switch (response.status) {
    case 401:
    case 403:
      return misconfigured('Check HF_TOKEN and that it may call Inference Providers.')
    case 402:
      return misconfigured('The account is out of credit: add some, or choose another engine.')
    case 404:
    case 405:
    case 410:
      return misconfigured(where)
    case 424:
      return new GenerationFailed(said)
    case 429:
      return new EngineOverloaded(said, { retryAfterSeconds: retryAfterSeconds(response.headers) })
    case 408:
    case 409:
    case 425:
      return new VerbatimError('engine_unavailable', said)
  }
  if (/not supported by provider/i.test(why)) return misconfigured(where)
  return new VerbatimError(response.status < 500 ? 'engine_rejected' : 'engine_unavailable', said)
}
