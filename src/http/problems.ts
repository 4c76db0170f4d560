import { Elysia } from 'elysia'
import { isOutage, outageOf } from '../db/outage.ts'
import { type ErrorCode, LimitError, VerbatimError } from '../errors.ts'
import { allowedMethods } from './allowed-methods.ts'
import { fieldProblem } from './field-problem.ts'
import { rateLimitHeaders } from './headers/rate-limit.ts'

const STATUS: Record<ErrorCode, number> = {
  validation: 400,
  no_audio_file: 400,
  empty: 400,
  corrupt: 400,
  no_audio_track: 400,
  part_outside: 400,
  track_outside: 400,
  incomplete_upload: 400,
  url_refused: 400,
  unauthorized: 401,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  registration_closed: 403,
  insufficient_scope: 403,
  wrong_password: 403,
  not_found: 404,
  method_not_allowed: 405,
  model_not_found: 404,
  stopping: 503,
  idempotency_key_in_use: 409,
  idempotency_key_reused: 422,
  not_acceptable: 406,
  email_taken: 409,
  no_password: 409,
  too_many_keys: 409,
  upload_stalled: 408,
  not_ready: 409,
  already_over: 409,
  wrong_offset: 409,
  upload_expired: 410,
  unsupported_version: 412,
  webhook_disabled: 409,
  too_many_webhooks: 409,
  too_many_uploads: 409,
  transcription_failed: 409,
  speakers_missing: 409,
  too_many_voices: 409,
  voice_exists: 409,
  unusable_sample: 422,
  audio_removed: 410,
  audio_missing: 410,
  too_large: 413,
  too_long: 413,
  storage_quota_reached: 413,
  unsupported_type: 415,
  rate_limited: 429,
  too_many_transcriptions: 429,
  audio_limit_reached: 429,
  too_many_at_once: 429,
  internal: 500,
  url_failed: 502,
  engine_rejected: 502,
  engine_misconfigured: 502,
  engine_unavailable: 503,
  engine_overloaded: 503,
  identity_provider_unavailable: 503,
  media_unavailable: 503,
  database_unavailable: 503,
  storage_unavailable: 503,
  storage_full: 507,
}

/** An error as it is sent. `field` is the invalid field of the request, if it is known. */
export type ErrorResponse = {
  status: number
  error: string
  code: string
  field: string | null
  headers: Record<string, string>
}

const MAX_PATH_SHOWN = 200

type Log = (line: string, error: unknown) => void

/**
 * Converts a thrown value. A value that is not a `VerbatimError` is a defect: it is logged, and its message
 * is not sent.
 */
export function toErrorResponse(error: unknown, log: Log): ErrorResponse {
  const { error: message, code } = errorBodyOf(error, log)
  const field = error instanceof VerbatimError ? error.field : null
  const headers = error instanceof LimitError ? limitHeaders(error) : {}
  return { status: STATUS[code], error: message, code, field, headers }
}

function limitHeaders({ retryAfterSeconds, quota }: LimitError) {
  return { 'retry-after': String(retryAfterSeconds), ...(quota && rateLimitHeaders(quota)) }
}

/** As `toErrorResponse`, for a response whose status was already sent. */
export function errorBodyOf(error: unknown, log: Log): { error: string; code: ErrorCode } {
  const known = error instanceof VerbatimError ? error : outageOf(error)
  if (known) {
    if (known.cause !== undefined && isOutage(known)) log(`request failed: ${known.code}`, known.cause)
    return { error: known.message, code: known.code }
  }
  const id = crypto.randomUUID()
  log(`request failed (${id})`, error)
  return { error: `Failed to process request: unexpected error, logged as ${id}`, code: 'internal' }
}

const HEADERS: Record<number, Record<string, string>> = {
  401: { 'WWW-Authenticate': 'Bearer' },
  // Otherwise the server would wait for the rest of a body that nobody reads.
  408: { Connection: 'close' },
  503: { 'Retry-After': '5' },
  507: { 'Retry-After': '60' },
}

/** Whether a parser of JSON or forms threw the error. */
const isParseError = (error: unknown) => error instanceof SyntaxError || error instanceof TypeError

const defaultBody: ErrorBody = ({ error, code }) => ({ error, code })

/** The format of an error's body. `requestId`: as in the header `X-Request-Id`. */
type ErrorBody = (problem: ErrorResponse, requestId: string) => unknown

/**
 * Answers errors that a route throws, and requests that Elysia rejects, with `{ error, code }`. `bodies` maps
 * path prefixes to other formats of the body.
 */
export function problems({
  log,
  routes,
  bodies = {},
  suggestedRoute = () => null,
}: {
  log: Log
  /** All routes of the app, for the `Allow` header of a 405. */
  routes: () => readonly { method: string; path: string }[]
  bodies?: Record<string, ErrorBody>
  /** The route that a path without a route means. */
  suggestedRoute?: (path: string) => string | null
}) {
  return new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ code, error, path, request, set }) => {
    const problem = toErrorResponse(cause(), log)
    // Later hooks, such as the access log, read `set.status` and not the Response's status.
    set.status = problem.status
    const [, body] = Object.entries(bodies).find(([prefix]) => path.startsWith(prefix)) ?? []
    const allow = problem.status === 405 && { Allow: otherMethods().join(', ') }
    const headers = { ...HEADERS[problem.status], ...problem.headers, ...allow }
    const requestId = String(set.headers['x-request-id'] ?? '')
    return Response.json((body ?? defaultBody)(problem, requestId), { status: problem.status, headers })

    function otherMethods(): string[] {
      return allowedMethods({ routes: routes(), path }).filter((method) => method !== request.method)
    }

    function suggestion(): string {
      const route = suggestedRoute(path)
      return route ? `. Did you mean ${route}?` : ''
    }

    function cause(): unknown {
      const shown = path.slice(0, MAX_PATH_SHOWN)
      switch (code) {
        case 'NOT_FOUND':
          if (otherMethods().length > 0) {
            return new VerbatimError(
              'method_not_allowed',
              `${shown} does not support ${request.method}: see the Allow header`,
            )
          }
          return new VerbatimError('not_found', `There is no route ${shown}${suggestion()}`)
        case 'VALIDATION':
          // A response of ours that does not match its schema is a defect, not the client's error.
          return error.type === 'response'
            ? error
            : new VerbatimError('validation', fieldProblem(error.valueError))
        case 'PARSE':
          // Elysia also wraps errors of hooks before the parser, such as a database outage.
          return error.cause === undefined || isParseError(error.cause)
            ? new VerbatimError('validation', 'The body does not match its Content-Type')
            : error.cause
        default:
          return error
      }
    }
  })
}
