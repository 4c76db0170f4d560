/**
 * Removes what Postgres cannot store in text and JSON columns: NUL and lone surrogates. Cuts the text to
 * `maxLength` UTF-16 code units.
 */
export function storableText(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  return text.slice(0, maxLength).replaceAll('\0', '').toWellFormed()
}
