import { VerbatimError } from '../errors.ts'

/** It is kept with the upload, and sent back with each of its answers. */
const MAX_LENGTH = 8192

/**
 * The pairs of an `Upload-Metadata` header (tus 1.0.0: `key base64,key base64,key`) as a form's fields.
 * Throws `validation`.
 */
export function parseMetadata(header: string): Map<string, string> {
  if (header.length > MAX_LENGTH) {
    throw new VerbatimError('validation', `Upload-Metadata is longer than ${MAX_LENGTH} characters`)
  }
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
