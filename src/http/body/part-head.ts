export type PartHead = {
  name: string
  /** As sent by the client: it may contain folders and control characters. */
  filename: string | null
  /** Whether the part is a file rather than a text field. */
  isFile: boolean
}

/** Parses the head of a multipart/form-data part (RFC 7578 §4). Null if it names no field. */
export function parseHead(bytes: Uint8Array): PartHead | null {
  const lines = new TextDecoder().decode(bytes).split('\r\n')
  const disposition = headerOf(lines, 'content-disposition')
  if (!disposition || !/^form-data\s*;/i.test(disposition)) return null
  const parameters = parametersOf(disposition)
  const name = parameters.get('name')
  if (name === undefined) return null
  const filename = filenameOf(parameters)
  const type = headerOf(lines, 'content-type') ?? ''
  return { name, filename, isFile: filename !== null || /^application\/octet-stream(?![\w-])/i.test(type) }
}

/** The file name in a Content-Disposition header; null if it has none. */
export function filenameIn(disposition: string): string | null {
  return filenameOf(parametersOf(disposition))
}

function filenameOf(parameters: Map<string, string>): string | null {
  return decodeExtended(parameters.get('filename*')) ?? parameters.get('filename') ?? null
}

function headerOf(lines: string[], name: string): string | undefined {
  const line = lines.find((header) => header.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim()
}

/**
 * Parses the parameters of a Content-Disposition header. Browsers and curl send names as raw UTF-8 in quotes,
 * so it accepts more than RFC 2183. It reads each character at most three times; a regular expression would
 * backtrack.
 */
function parametersOf(disposition: string): Map<string, string> {
  const parameters = new Map<string, string>()
  let at = disposition.indexOf(';')
  while (at >= 0) {
    const from = endOf(disposition, at + 1, isSpace)
    const nameEnd = endOf(disposition, from, (char) => !isSpace(char) && !'=;"'.includes(char))
    at = endOf(disposition, nameEnd, isSpace)
    if (nameEnd > from && disposition[at] === '=') {
      const value = valueAt(disposition, endOf(disposition, at + 1, isSpace))
      parameters.set(disposition.slice(from, nameEnd).toLowerCase(), value.text)
      at = value.end
    }
    at = disposition.indexOf(';', at)
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

/** RFC 8187, in which older clients send names that are not ASCII: `UTF-8''na%C3%AFve.wav`. */
function decodeExtended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
