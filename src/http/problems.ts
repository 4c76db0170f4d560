import { Elysia, t } from 'elysia'
import { type ErrorCode, LimitError, VerbatimError } from '../errors.ts'
import { rateLimitHeaders } from './rate-limit.ts'

const STATUS: Record<ErrorCode, number> = {
  validation: 400,
  no_audio_file: 400,
  empty: 400,
  corrupt: 400,
  no_audio_track: 400,
  part_outside: 400,
  incomplete_upload: 400,
  url_refused: 400,
  unauthorized: 401,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  registration_closed: 403,
  insufficient_scope: 403,
  wrong_password: 403,
  not_found: 404,
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
  audio_removed: 410,
  too_large: 413,
  too_long: 413,
  unsupported_type: 415,
  rate_limited: 429,
  too_many_transcriptions: 429,
  audio_limit_reached: 429,
  internal: 500,
  url_failed: 502,
  engine_rejected: 502,
  engine_misconfigured: 502,
  engine_unavailable: 503,
  engine_overloaded: 503,
  identity_provider_unavailable: 503,
  media_unavailable: 503,
  storage_full: 507,
}

/** Every error's body: one sentence for a person, one word for a program. */
export const Problem = t.Object(
  {
    error: t.String({ description: 'One sentence' }),
    code: t.String({ description: 'A word to branch on' }),
  },
  { title: 'Problem', examples: [{ error: 'Transcription not found', code: 'not_found' }] },
)

/** The answer for what was thrown. What is no `VerbatimError` is a defect: logged whole, told without its text. */
export function problemOf(error: unknown, log: (line: string, error: unknown) => void): Response {
  const { error: sentence, code } = sentenceOf(error, log)
  return answer(STATUS[code], sentence, code, error instanceof LimitError ? limitHeaders(error) : {})
}

function limitHeaders({ retryAfterSeconds, quota }: LimitError) {
  return { 'retry-after': String(retryAfterSeconds), ...(quota && rateLimitHeaders(quota)) }
}

/** As `problemOf`, for an answer whose status has gone out already. */
export function sentenceOf(
  error: unknown,
  log: (line: string, error: unknown) => void,
): { error: string; code: ErrorCode } {
  if (error instanceof VerbatimError) return { error: error.message, code: error.code }
  const id = crypto.randomUUID()
  log(`request failed (${id})`, error)
  return { error: `Failed to process request: unexpected error, logged as ${id}`, code: 'internal' }
}

const HEADERS: Record<number, Record<string, string>> = {
  401: { 'WWW-Authenticate': 'Bearer' },
  // Else the server goes on to wait for the rest of a body that nobody reads.
  408: { Connection: 'close' },
}

function answer(status: number, error: string, code: string, headers: Record<string, string> = {}) {
  return Response.json({ error, code }, { status, headers: { ...HEADERS[status], ...headers } })
}

/** Turns whatever a route throws, or Elysia finds wrong with a request, into a `Problem`. */
export function problems({ log }: { log: (line: string, error: unknown) => void }) {
  return new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ code, error, path, set }) => {
    const response = told()
    // Who hears of the answer later is told this one, not the Response's.
    set.status = response.status
    return response

    function told(): Response {
      switch (code) {
        case 'NOT_FOUND':
          return answer(404, `There is nothing at ${path}`, 'not_found')
        case 'VALIDATION':
          // An answer of ours that is not what the document says is no fault of the request.
          if (error.type === 'response') return problemOf(error, log)
          return answer(400, sentence(error), 'validation')
        case 'PARSE':
          if (error.cause instanceof VerbatimError) return problemOf(error.cause, log)
          return answer(400, 'The body is not what its Content-Type says', 'validation')
        default:
          return problemOf(error, log)
      }
    }
  })
}

/** A schema's own sentence (`error`) goes before Elysia's. */
function sentence(error: {
  customError?: unknown
  all: { path?: string; message?: string; summary?: string | undefined }[]
}): string {
  if (typeof error.customError === 'string') return error.customError
  const first = error.all.find((one) => one.path !== undefined)
  const field = first?.path?.split('/').filter(Boolean).join('.')
  const problem = first?.summary ?? first?.message ?? 'The request is not valid'
  return field && !problem.includes(field) ? `${field}: ${problem}` : problem
}
