import { t } from 'elysia'
import type { ErrorCode } from '../../errors.ts'

type ErrorExample = { error: string; code: ErrorCode }

/** The meaning of each success status, used if the schema of the response has no description of its own. */
export const SUCCESSES: Record<string, string> = {
  200: 'Success',
  201: 'Created',
  202: 'Accepted: the work continues in the background',
}

/** The meaning of each error status, with one example of its body. */
export const ERRORS = {
  400: {
    meaning: 'The request or its audio is invalid',
    example: { error: 'No audio file provided', code: 'no_audio_file' },
  },
  401: {
    meaning: 'The access token, API key or password is missing, invalid or expired',
    example: { error: 'The access token is invalid or expired: log in again', code: 'unauthorized' },
  },
  403: {
    meaning: 'The caller is not allowed to do this',
    example: { error: 'This API key is read-only: it lacks the `write` scope', code: 'insufficient_scope' },
  },
  404: {
    meaning: 'The resource does not exist, or belongs to another user',
    example: { error: 'Transcription not found', code: 'not_found' },
  },
  406: {
    meaning: '`Accept` matches none of the available media types',
    example: {
      error: 'Accept matches no available type: send one of application/json, text/plain',
      code: 'not_acceptable',
    },
  },
  408: {
    meaning: 'The request body arrived too slowly',
    example: { error: 'The upload stalled: no data arrived for 30 seconds', code: 'upload_stalled' },
  },
  409: {
    meaning: 'The current state does not allow this; `code` names the conflict',
    example: { error: 'The transcription is queued: its transcript is not ready', code: 'not_ready' },
  },
  410: {
    meaning: 'The upload has expired, or the audio was removed',
    example: { error: 'The audio was removed; the transcript is kept', code: 'audio_removed' },
  },
  412: {
    meaning: 'The server does not support this version of the tus protocol',
    example: { error: 'Tus-Resumable must be 1.0.0', code: 'unsupported_version' },
  },
  413: {
    meaning: 'The body is too large, the audio is too long, or the storage quota is reached',
    example: { error: 'The audio file is larger than the limit of 2147483648 bytes', code: 'too_large' },
  },
  415: {
    meaning: 'The file is not readable audio, or its `Content-Type` is wrong',
    example: { error: 'The file is not audio that can be read', code: 'unsupported_type' },
  },
  422: {
    meaning: 'This `Idempotency-Key` was used with a different body, or the sample of a voice is unusable',
    example: {
      error: 'This Idempotency-Key was used with a different body: send a new key with each new upload',
      code: 'idempotency_key_reused',
    },
  },
  429: {
    meaning: 'A rate limit or usage limit is reached: retry after `Retry-After` seconds',
    example: { error: 'Too many requests: try again in 10 seconds', code: 'rate_limited' },
  },
  500: {
    meaning: 'An unexpected error, which is logged',
    example: {
      error: 'Failed to process request: unexpected error, logged as 7b5fa1c2-4b5e-4c56-9d5a-0d7a2f3f6a11',
      code: 'internal',
    },
  },
  502: {
    meaning: 'A host that the request names could not be reached, or the engine rejected the audio',
    example: { error: 'No engine accepts this audio', code: 'engine_rejected' },
  },
  503: {
    meaning: 'The service is stopping, or a component that it needs is unavailable: retry later',
    example: { error: 'The service is stopping: send the request again', code: 'stopping' },
  },
  507: {
    meaning: 'The storage is full',
    example: { error: 'The storage is full', code: 'storage_full' },
  },
} satisfies Record<number, { meaning: string; example: ErrorExample }>

export type ErrorStatus = keyof typeof ERRORS

const properties = {
  error: t.String({ description: 'One sentence that describes the problem' }),
  code: t.String({ description: 'A word for programs, which does not change' }),
}

const schemaOf = ({ meaning, example }: { meaning: string; example: ErrorExample }) =>
  t.Object(properties, { title: 'Error', description: meaning, examples: [example] })

/**
 * The errors of a route, for the OpenAPI document: `response: { 200: Status, ...errorSchemas(401, 404) }`.
 * A route whose successes have no schema uses `detail.responses` and `errorResponses` instead.
 */
export function errorSchemas<Status extends ErrorStatus>(...statuses: Status[]) {
  return byStatus(statuses, (status) => schemaOf(ERRORS[status]))
}

/** What `describe` returns for each status. */
export function byStatus<Status extends ErrorStatus, T>(
  statuses: Status[],
  describe: (status: ErrorStatus) => T,
): Record<Status, T>
export function byStatus<T>(statuses: ErrorStatus[], describe: (status: ErrorStatus) => T) {
  return Object.fromEntries(statuses.map((status) => [status, describe(status)]))
}

/**
 * The same as OpenAPI response objects: `detail: { responses: { 204: { description }, ...errorResponses(401)
 * } }`.
 */
export function errorResponses(...statuses: ErrorStatus[]) {
  return responsesOf(errorSchemas(...statuses))
}

/** OpenAPI response objects of error bodies; their descriptions become those of the responses. */
export function responsesOf(schemas: Record<number, { description?: string }>) {
  return Object.fromEntries(
    Object.entries(schemas).map(([status, schema]) => [
      status,
      { description: schema.description ?? '', content: { 'application/json': { schema } } },
    ]),
  )
}
