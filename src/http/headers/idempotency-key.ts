import { VerbatimError } from '../../errors.ts'

/**
 * Reads the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header), with or without the quotes
 * that the draft requires. Null if the header is missing. Throws `validation`.
 */
export function idempotencyKeyIn(headers: Headers): string | null {
  const header = headers.get('idempotency-key')
  if (header === null) return null
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw new VerbatimError(
    'validation',
    'Idempotency-Key is invalid: send 1 to 255 printable ASCII characters without spaces, such as a UUID',
  )
}

/** The header's parameter object in the OpenAPI document. */
export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  description:
    'A key that the client generates for each upload. A second request with the same key and body within a day returns the same transcription',
  schema: { type: 'string' as const, pattern: '^[\\x21-\\x7e]{1,255}$' },
}
