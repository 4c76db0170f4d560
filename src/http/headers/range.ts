type ByteRange = { start: number; end: number }

/**
 * Parses a `Range` header with one range (RFC 9110 §14); `end` is exclusive. Null means to send the whole
 * file: the header is missing or malformed, or has several ranges or another unit. `unsatisfiable` means to
 * answer 416.
 */
export function parseRange(header: string | null, size: number): ByteRange | null | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '')
  if (!match) return null
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return null
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (start >= size) return 'unsatisfiable'
  return end <= start ? null : { start, end }
}
