import { VerbatimError } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { EngineOverloaded, type SpanRequest } from '../engine.ts'
import { EngineAway } from '../shared/away.ts'
import { readErrorBody } from '../shared/read-answer.ts'
import { parsedBody, reasonIn } from '../shared/reason.ts'
import { retryAfterSeconds } from '../shared/retry-after.ts'
import { describeServer, hideKey, type Server } from './server.ts'

/** A response whose status is not 2xx. `code` and `reason` are the server's, in OpenAI's error body or another. */
export type Failure = { status: number; headers: Headers; code: string; reason: string }

const MAX_REASON_LENGTH = 2000

export async function readFailure(response: Response): Promise<Failure> {
  const text = await readErrorBody(response)
  const body = parsedBody(text)
  return {
    status: response.status,
    headers: response.headers,
    code: codeIn(body),
    reason: (reasonIn(body) ?? (text.trim() || 'no reason given')).slice(0, MAX_REASON_LENGTH),
  }
}

/** OpenAI's `error.code`; servers based on FastAPI have it at the top. */
function codeIn(body: unknown): string {
  if (typeof body !== 'object' || body === null) return ''
  const { error, code }: Record<string, unknown> = { ...body }
  if (typeof code === 'string') return code
  return typeof error === 'object' ? codeIn(error) : ''
}

const NO_CREDIT = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'account_deactivated'])
const UNKNOWN_MODEL = new Set(['model_not_found', 'invalid_model', 'unknown_model'])

/** The engine's error for a failure. It does not contain the key. */
export function toEngineError(
  { status, headers, code, reason }: Failure,
  { server, task }: { server: Server; task: SpanRequest['task'] },
): VerbatimError {
  const said = storableText(hideKey(server, reason), 300)
  const message = `The server answered ${status} for ${describeServer(server)}: ${said}`
  const misconfigured = (cure: string) => new VerbatimError('engine_misconfigured', `${message}. ${cure}`)
  if (NO_CREDIT.has(code) || status === 402) {
    return misconfigured('The account is out of credit: buy credit, or choose another engine.')
  }
  if (UNKNOWN_MODEL.has(code)) return misconfigured('Check OPENAI_MODEL.')
  switch (status) {
    case 401:
    case 403:
      return misconfigured('Check OPENAI_API_KEY.')
    case 404:
    case 405:
    case 410:
    case 501:
      // Servers that transcribe need not translate.
      if (task === 'translate') return new VerbatimError('engine_rejected', message)
      return misconfigured('Check OPENAI_BASE_URL and OPENAI_MODEL.')
    case 429:
      return new EngineOverloaded(message, { retryAfterSeconds: retryAfterSeconds(headers) })
    case 498: // Groq: no capacity is left.
    case 503:
    case 529:
      return new EngineAway(message, { retryAfterSeconds: retryAfterSeconds(headers) })
    case 408:
    case 409:
    case 425:
      return new VerbatimError('engine_unavailable', message)
  }
  if (status < 400) return misconfigured('Check OPENAI_BASE_URL: redirects are not followed.')
  return new VerbatimError(status < 500 ? 'engine_rejected' : 'engine_unavailable', message)
}
