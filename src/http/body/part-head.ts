export type PartHead = {
  name: string
  /** As it was sent: it may hold folders and control characters. */
  filename: string | null
  /** Whether the part is a file, and not a text field. */
  isFile: boolean
}

/** The head of a multipart/form-data part (RFC 7578 §4). Null where it names no field. */
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

/** The file name in a Content-Disposition header, null where it names none. */
export function filenameIn(disposition: string): string | null {
  return filenameOf(parametersOf(disposition))
}

function filenameOf(parameters: Map<string, string>): string | null {
  return decodeExtended(parameters.get('filename*')) ?? parameters.get('filename') ?? null
}

function headerOf(lines: string[], name: string): string | undefined {
  const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim()
}

/**
 * Browsers and curl send names as raw UTF-8 in quotes, so this reads more than RFC 2183's tokens. Reads each character at most three
 * times: a regular expression for this backtracks.
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

/** Where the characters that `takes` accepts end, from `at` on. */
function endOf(text: string, at: number, takes: (char: string) => boolean): number {
  let end = at
  while (end < text.length && takes(text.charAt(end))) end++
  return end
}

/** A quoted string or a token. What opens a quote that nothing closes is a token; no quote can follow it, so this is met once. */
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

/** RFC 8187, which older clients write names in that are not ASCII: `UTF-8''na%C3%AFve.wav`. */
function decodeExtended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
