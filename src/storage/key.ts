const KEY = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/

export function isKey(text: string): boolean {
  return KEY.test(text)
}

/** The key itself. What is none never becomes a path or a URL. */
export function checkedKey(text: string): string {
  if (!isKey(text)) throw new TypeError(`not a storage key: ${text}`)
  return text
}
