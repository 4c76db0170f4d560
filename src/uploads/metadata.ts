import { VerbatimError } from '../errors.ts'

/**
 * The pairs of an `Upload-Metadata` header (tus 1.0.0: `key base64,key base64,key`) as a form's fields.
 * Throws `validation`.
 */
export function parseMetadata(header: string): Map<string, string> {
  const pairs = header.split(',').filter((pair) => pair.trim() !== '')
  return new Map(
    pairs.map((pair) => {
      const [name = '', value = '', ...rest] = pair.trim().split(' ')
      if (name === '' || rest.length > 0) throw malformed()
      return [name, decoded(value)]
    }),
  )
}

function decoded(base64: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.fromBase64(base64))
  } catch {
    throw malformed()
  }
}

function malformed() {
  return new VerbatimError('validation', 'Upload-Metadata is not made of names, each with a value in base64')
}
