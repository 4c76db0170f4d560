import { VerbatimError } from '../../errors.ts'
import { textOf } from './xml.ts'

/** An unexpected response of the store. `code` is S3's error code, such as `AccessDenied`. */
export class S3Error extends Error {
  override name = 'S3Error'
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
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504])

/** Reads the `<Error>` of a response. The response to a HEAD request has none. */
export function s3Error(status: number, body: string): S3Error | VerbatimError {
  const code = textOf(body, 'Code') ?? NO_CODE
  if (status === 507 || FULL.has(code)) {
    return new VerbatimError('storage_full', 'There is no room left to store the audio', { cause: code })
  }
  return new S3Error({ status, code, message: textOf(body, 'Message') ?? 'no reason was given' })
}

/** Whether the same request may succeed soon. An error without a response is a network error, so it may. */
export function isTransient(error: unknown): boolean {
  if (error instanceof VerbatimError) return false
  if (error instanceof S3Error) return TRANSIENT.has(error.status) || error.code === 'RequestTimeout'
  return true
}

/** The response to a HEAD request has no code. */
const MISSING = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound', NO_CODE])

/** Whether the key or the upload does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof S3Error && error.status === 404 && MISSING.has(error.code)
}
