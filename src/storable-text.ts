/**
 * Text from outside as Postgres stores it, in a text and in JSON: without NUL and without lone surrogates, and no longer than
 * `maxLength` UTF-16 code units.
 */
export function storableText(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  return text.slice(0, maxLength).replaceAll('\0', '').toWellFormed()
}
