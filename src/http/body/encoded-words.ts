/** An encoded word of RFC 2047 §2, such as `=?UTF-8?B?w5xidW5nLm1wMw==?=`. */
const WORD = /=\?([^?*\s]{1,40})(?:\*[^?\s]{1,40})?\?([bq])\?([^?\s]*)\?=/gi
/** RFC 2047 §6.2: spaces between two encoded words are not part of the text. */
const BETWEEN = /(\?=)\s+(?==\?)/g

/** Decodes the encoded words of a text, in which mail libraries send names. Others stay as they are. */
export function decodeWords(text: string): string {
  return text
    .replace(BETWEEN, '$1')
    .replace(
      WORD,
      (word, charset: string, encoding: string, encoded: string) =>
        decodeText(charset, () =>
          encoding.toLowerCase() === 'b' ? base64(encoded) : quotedPrintable(encoded),
        ) ?? word,
    )
}

/** RFC 8187, in which older clients send names that are not ASCII: `UTF-8''na%C3%AFve.wav`. */
export function decodeExtended(value: string): string | null {
  const [, charset, encoded = ''] = /^([\w-]{1,40})'[^']*'(.*)$/.exec(value) ?? []
  if (!charset || /%(?![0-9a-f]{2})/i.test(encoded)) return null
  return decodeText(charset, () => escapedBytes(encoded, /%([0-9a-f]{2})/gi))
}

/** A header that curl and others send in UTF-8, and that runtimes read as Latin-1 (RFC 9110 §5.5). */
export function utf8OfLatin1(header: string): string {
  if (!/^[\0-\xff]*$/.test(header)) return header
  return decodeText('utf-8', () => latin1Bytes(header)) ?? header
}

/** Null if the charset is unknown, or the bytes are not text in it. */
function decodeText(charset: string, bytes: () => Uint8Array): string | null {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes())
  } catch {
    return null
  }
}

const latin1Bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

const base64 = (encoded: string) => latin1Bytes(atob(encoded))

const quotedPrintable = (encoded: string) => escapedBytes(encoded.replaceAll('_', ' '), /=([0-9a-f]{2})/gi)

/** The UTF-8 bytes of a text in which some bytes are written as hexadecimal digits. */
function escapedBytes(text: string, code: RegExp): Uint8Array {
  const pieces = text.split(code)
  const encoder = new TextEncoder()
  return Uint8Array.from(
    pieces.flatMap((piece, index) =>
      index % 2 === 1 ? [Number.parseInt(piece, 16)] : [...encoder.encode(piece)],
    ),
  )
}
