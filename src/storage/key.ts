import { VerbatimError } from '../errors.ts'

const KEY = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

export function isKey(text: string): boolean {
  return KEY.test(text)
}

/** Returns the key. Throws if it is invalid, so that no other text becomes part of a path or a URL. */
export function validKey(text: string): string {
  if (!isKey(text)) throw new TypeError(`not a storage key: ${text}`)
  return text
}

/** Users may see the message, so the key is in the cause only. */
export function keyNotFound(key: string): VerbatimError {
  return new VerbatimError('not_found', 'The file is missing in the storage', { cause: key })
}
