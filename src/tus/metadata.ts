import { VerbatimError } from '../errors.ts'
import { fieldsOf, UPLOAD_LISTS } from '../fields.ts'

/** In characters. The header is stored with the upload and sent back with each response. */
const MAX_LENGTH = 8192

/**
 * Parses an `Upload-Metadata` header (tus 1.0.0: `key base64,key base64,key`) into form fields. As in a form,
 * `keywords[]` is `keywords`. Throws `validation`.
 */
export function parseMetadata(header: string): Map<string, string> {
  if (header.length > MAX_LENGTH) {
    throw new VerbatimError(
      'validation',
      `Upload-Metadata has ${header.length} characters; it takes at most ${MAX_LENGTH}`,
    )
  }
  const pairs = header.split(',').filter((pair) => pair.trim() !== '')
  return fieldsOf(pairs.map(pairIn), UPLOAD_LISTS)
}

function pairIn(text: string): [name: string, value: string] {
  const [name = '', value = '', ...rest] = text.trim().split(' ')
  if (name === '' || rest.length > 0) throw malformed()
  return [name, decode(value)]
}

function decode(base64: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.fromBase64(base64))
  } catch {
    throw malformed()
  }
}

function malformed() {
  return new VerbatimError(
    'validation',
    'Upload-Metadata is invalid: it takes pairs of a name and a base64 value, separated by commas',
  )
}
