/** The stable name of an error. Only the HTTP layer maps it to a status. */
export type ErrorCode =
  | 'validation'
  | 'no_audio_file'
  | 'empty'
  | 'unsupported_type'
  | 'corrupt'
  | 'no_audio_track'
  | 'part_outside'
  | 'track_outside'
  | 'incomplete_upload'
  | 'model_not_found'
  | 'stopping'
  | 'idempotency_key_in_use'
  | 'idempotency_key_reused'
  | 'upload_stalled'
  | 'upload_expired'
  | 'wrong_offset'
  | 'unsupported_version'
  | 'url_refused'
  | 'url_failed'
  | 'rate_limited'
  | 'too_many_transcriptions'
  | 'audio_limit_reached'
  | 'storage_quota_reached'
  | 'too_many_at_once'
  | 'too_large'
  | 'too_long'
  | 'unauthorized'
  | 'insufficient_scope'
  | 'invalid_credentials'
  | 'invalid_refresh_token'
  | 'wrong_password'
  | 'no_password'
  | 'too_many_keys'
  | 'email_taken'
  | 'registration_closed'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'not_ready'
  | 'already_over'
  | 'audio_removed'
  | 'audio_missing'
  | 'webhook_disabled'
  | 'too_many_webhooks'
  | 'too_many_uploads'
  | 'too_many_voices'
  | 'voice_exists'
  | 'unusable_sample'
  | 'transcription_failed'
  | 'speakers_missing'
  | 'engine_unavailable'
  | 'engine_overloaded'
  | 'engine_rejected'
  | 'engine_misconfigured'
  | 'identity_provider_unavailable'
  | 'database_unavailable'
  | 'storage_unavailable'
  | 'storage_full'
  | 'media_unavailable'
  | 'internal'

/** The service cannot start. The message is one line for an operator. */
export class StartError extends Error {
  override name = 'StartError'
}

/** A component of the service is not ready. The message is one sentence for an operator. */
export class NotReady extends Error {
  override name = 'NotReady'
}

/**
 * An error that is reported to the client: one sentence for a person, one code for a program.
 * Any other error is a defect. It is reported as `internal`, without its message.
 */
export class VerbatimError extends Error {
  override name = 'VerbatimError'
  readonly code: ErrorCode
  /** The invalid field of the request, if it is known. */
  readonly field: string | null

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { field?: string }) {
    super(message, options)
    this.code = code
    this.field = options?.field ?? null
  }
}

/** The state of a rate limit: what is left of it, and the seconds until it resets. */
export type Quota = {
  name: string
  limit: number
  windowSeconds: number
  remaining: number
  resetSeconds: number
}

/** A limit is reached. The client may retry after `retryAfterSeconds`. */
export class LimitError extends VerbatimError {
  override name = 'LimitError'
  readonly retryAfterSeconds: number
  readonly quota: Quota | null

  constructor(
    code: 'rate_limited' | 'too_many_transcriptions' | 'audio_limit_reached' | 'too_many_at_once',
    message: string,
    { retryAfterSeconds, quota = null }: { retryAfterSeconds: number; quota?: Quota | null },
  ) {
    super(code, message)
    this.retryAfterSeconds = retryAfterSeconds
    this.quota = quota
  }
}

const MAX_QUOTED = 40

/** Quotes a value from a request for an error message: escaped, and at most 40 characters of it. */
export const quoted = (text: string) => JSON.stringify(text.slice(0, MAX_QUOTED))
