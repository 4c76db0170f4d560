import { VerbatimError } from '../../errors.ts'

/**
 * The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header), in quotes as it says or without; null where there
 * is none. Throws `validation`.
 */
export function idempotencyKeyIn(headers: Headers): string | null {
  const header = headers.get('idempotency-key')
  if (header === null) return null
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw new VerbatimError(
    'validation',
    'Idempotency-Key takes up to 255 ASCII letters without spaces, such as a UUID',
  )
}

/** For the document. */
export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  description:
    'Of your making, new for each upload. Sent again with the same body within a day, it is answered with the same transcription',
  schema: { type: 'string' as const, pattern: '^[\\x21-\\x7e]{1,255}$' },
}
