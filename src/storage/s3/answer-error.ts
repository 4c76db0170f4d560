import { VerbatimError } from '../../errors.ts'
import { textOf } from './xml.ts'

/** An answer of the store that is not what was asked for; `code` is its own word, such as `AccessDenied`. */
export class AnswerError extends Error {
  override name = 'AnswerError'
  readonly status: number
  readonly code: string

  constructor({ status, code, message }: { status: number; code: string; message: string }) {
    super(`${status} ${code}: ${message}`.replace(/\s+/g, ' '))
    this.status = status
    this.code = code
  }
}

const NO_CODE = 'without a code'

const FULL = new Set([
  'QuotaExceeded',
  'InsufficientStorage',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
])
const PASSING = new Set([408, 429, 500, 502, 503, 504])

/** From an answer's status and its `<Error>`, which the answer to a HEAD lacks. */
export function errorOf(status: number, body: string): AnswerError | VerbatimError {
  const code = textOf(body, 'Code') ?? NO_CODE
  if (status === 507 || FULL.has(code)) {
    return new VerbatimError('storage_full', 'There is no room left to store the audio', { cause: code })
  }
  return new AnswerError({ status, code, message: textOf(body, 'Message') ?? 'no reason was given' })
}

/** Whether the same request may well succeed in a moment. What is no answer at all is a failure of the network. */
export function isPassing(error: unknown): boolean {
  if (error instanceof VerbatimError) return false
  if (error instanceof AnswerError) return PASSING.has(error.status) || error.code === 'RequestTimeout'
  return true
}

/** The answer to a HEAD has no code. */
const MISSING = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound', NO_CODE])

/** Whether there is no such key, or no such upload. */
export function isMissing(error: unknown): boolean {
  return error instanceof AnswerError && error.status === 404 && MISSING.has(error.code)
}
