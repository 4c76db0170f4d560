/**
 * Parses the parameters of a header such as Content-Disposition or Content-Type. Browsers and curl send names
 * as raw UTF-8 in quotes, so it accepts more than RFC 2183. It reads each character at most three times; a
 * regular expression would backtrack.
 */
export function parametersOf(header: string): Map<string, string> {
  const parameters = new Map<string, string>()
  let at = header.indexOf(';')
  while (at >= 0) {
    const from = endOf(header, at + 1, isSpace)
    const nameEnd = endOf(header, from, (char) => !isSpace(char) && !'=;"'.includes(char))
    at = endOf(header, nameEnd, isSpace)
    if (nameEnd > from && header[at] === '=') {
      const value = valueAt(header, endOf(header, at + 1, isSpace))
      parameters.set(header.slice(from, nameEnd).toLowerCase(), value.text)
      at = value.end
    }
    at = header.indexOf(';', at)
  }
  return parameters
}

const isSpace = (char: string) => char === ' ' || char === '\t'

/** The index of the first character from `at` on that `accepts` rejects. */
function endOf(text: string, at: number, accepts: (char: string) => boolean): number {
  let end = at
  while (end < text.length && accepts(text.charAt(end))) end++
  return end
}

/**
 * Reads a quoted string or a token. A quote without a closing quote starts a token; that happens at most
 * once, because no quote can follow it.
 */
function valueAt(text: string, from: number): { text: string; end: number } {
  if (text[from] === '"') {
    let end = from + 1
    while (end < text.length && text[end] !== '"') end += isEscaped(text, end) ? 2 : 1
    if (end < text.length) {
      return { text: text.slice(from + 1, end).replace(/\\(["\\])/g, '$1'), end: end + 1 }
    }
  }
  const end = endOf(text, from, (char) => !isSpace(char) && char !== ';')
  return { text: text.slice(from, end), end }
}

const isEscaped = (text: string, at: number) =>
  text[at] === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')
