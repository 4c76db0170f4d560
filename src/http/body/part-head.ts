import { decodeExtended, decodeWords, utf8OfLatin1 } from './encoded-words.ts'
import { parametersOf } from './parameters.ts'

/** Types that no client gives to a text field. */
const FILE_TYPE = /^(audio\/|video\/|application\/octet-stream(?![\w-]))/i

export type PartHead = {
  name: string
  /** As sent by the client: it may contain folders and control characters. */
  filename: string | null
  /** The Content-Type; empty if the part has none. */
  type: string
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
  const plain = parameters.get('filename')
  const filename = filenameOf({ plain: plain && decodeBrowserEscapes(plain), parameters })
  const type = headerOf(lines, 'content-type') ?? ''
  return { name, filename, type, isFile: filename !== null || FILE_TYPE.test(type) }
}

/** The file name in a Content-Disposition header of HTTP; null if it has none. */
export function filenameIn(disposition: string): string | null {
  const parameters = parametersOf(utf8OfLatin1(disposition))
  return filenameOf({ plain: parameters.get('filename'), parameters })
}

function filenameOf({
  plain,
  parameters,
}: {
  plain: string | undefined
  parameters: Map<string, string>
}): string | null {
  const extended = decodeExtended(parameters.get('filename*') ?? '')
  return extended ?? (plain === undefined ? null : decodeWords(plain))
}

/** The escapes of browsers in forms: https://html.spec.whatwg.org/#multipart-form-data */
function decodeBrowserEscapes(text: string): string {
  return text.replace(/%22/g, '"').replace(/%0D/gi, '\r').replace(/%0A/gi, '\n')
}

function headerOf(lines: string[], name: string): string | undefined {
  const line = lines.find((header) => header.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim()
}
