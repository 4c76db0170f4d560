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
  const name = parametersOf(disposition).get('name')
  if (name === undefined) return null
  const filename = filenameIn(disposition)
  const type = headerOf(lines, 'content-type') ?? ''
  return { name, filename, isFile: filename !== null || /^application\/octet-stream\b/i.test(type) }
}

/** The file name in a Content-Disposition header, null where it names none. */
export function filenameIn(disposition: string): string | null {
  const parameters = parametersOf(disposition)
  return decodeExtended(parameters.get('filename*')) ?? parameters.get('filename') ?? null
}

function headerOf(lines: string[], name: string): string | undefined {
  const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim()
}

/** Browsers and curl send names as raw UTF-8 in quotes, so this reads more than RFC 2183's tokens. */
function parametersOf(disposition: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const [, name = '', quoted, plain] of disposition.matchAll(
    /;\s*([^\s=;"]+)\s*=\s*(?:"((?:\\["\\]|[^"])*)"|([^;\s]*))/g,
  )) {
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(["\\])/g, '$1') ?? plain ?? '')
  }
  return parameters
}

/** RFC 8187, which older clients write names in that are not ASCII: `UTF-8''na%C3%AFve.wav`. */
function decodeExtended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
