import { VerbatimError } from '../errors.ts'

const KEY = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

export function isKey(text: string): boolean {
  return KEY.test(text)
}

/** The key itself. What is none never becomes a path or a URL. */
export function checkedKey(text: string): string {
  if (!isKey(text)) throw new TypeError(`not a storage key: ${text}`)
  return text
}

/** Its sentence may reach a user: the key is only in the cause. */
export function notStored(key: string): VerbatimError {
  return new VerbatimError('not_found', 'The file is missing in the storage', { cause: key })
}
