import { concatenated } from '../../bytes.ts'
import { VerbatimError } from '../../errors.ts'
import { type PartHead, parseHead } from './part-head.ts'

const MAX_HEAD_BYTES = 8 * 1024
/** RFC 2046 §5.1.1. */
const MAX_BOUNDARY_LENGTH = 70
const SCAN_BYTES = 64
const [TAB, LF, CR, SPACE, DASH] = [9, 10, 13, 32, 45]

export type PartEvent =
  | { kind: 'head'; head: PartHead }
  | { kind: 'data'; bytes: Uint8Array }
  | { kind: 'end' }

/**
 * Parses multipart/form-data (RFC 7578) in chunks of any size. `write` yields the events of a chunk in order;
 * their bytes may be views of the chunk. Call `end` after the last chunk.
 *
 * Throws `incomplete_upload` if the body is malformed, or ends before its closing boundary.
 */
export function multipartParser(contentType: string) {
  const encoder = new TextEncoder()
  const delimiter = encoder.encode(`\r\n--${boundaryIn(contentType)}`)
  const findDelimiter = searcher(delimiter)
  const findBlankLine = searcher(encoder.encode('\r\n\r\n'))

  let state: 'preamble' | 'delimiter' | 'head' | 'body' | 'epilogue' = 'preamble'
  // A delimiter starts with the line break before it (RFC 2046 §5.1.1), which the first delimiter lacks.
  let rest: Uint8Array = encoder.encode('\r\n')

  return {
    *write(chunk: Uint8Array): Generator<PartEvent, void> {
      const bytes = rest.length === 0 ? chunk : concatenated([rest, chunk])
      let at = 0
      while (state !== 'epilogue') {
        if (state === 'delimiter') {
          while (bytes[at] === SPACE || bytes[at] === TAB) at++
          if (bytes.length - at < 2) break
          if (bytes[at] === DASH && bytes[at + 1] === DASH) state = 'epilogue'
          else if (bytes[at] === CR && bytes[at + 1] === LF) state = 'head'
          else throw malformed()
        } else if (state === 'head') {
          const end = findBlankLine(bytes, at)
          if ((end < 0 ? bytes.length : end) - at > MAX_HEAD_BYTES) throw malformed()
          if (end < 0) break
          const head = parseHead(bytes.subarray(at, end))
          if (!head) throw malformed()
          yield { kind: 'head', head }
          at = end + 4
          state = 'body'
        } else {
          const found = findDelimiter(bytes, at)
          const until = found < 0 ? possibleStart({ bytes, from: at, delimiter }) : found
          if (state === 'body' && until > at) yield { kind: 'data', bytes: bytes.subarray(at, until) }
          at = until
          if (found < 0) break
          if (state === 'body') yield { kind: 'end' }
          at += delimiter.length
          state = 'delimiter'
        }
      }
      rest = state === 'epilogue' ? new Uint8Array() : bytes.slice(at)
    },

    end() {
      if (state !== 'epilogue') {
        throw new VerbatimError(
          'incomplete_upload',
          'The upload is incomplete: its closing boundary is missing',
        )
      }
    },
  }
}

function boundaryIn(contentType: string): string {
  const [, quotedBoundary, token] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? []
  const boundary = quotedBoundary ?? token
  if (!boundary) {
    throw new VerbatimError(
      'incomplete_upload',
      'The Content-Type multipart/form-data has no boundary: leave this header to the HTTP client',
    )
  }
  if (boundary.length > MAX_BOUNDARY_LENGTH) throw malformed()
  return boundary
}

/**
 * Where a delimiter may start that continues in the next chunk: at the last CR, because a delimiter contains
 * only one.
 */
function possibleStart({
  bytes,
  from,
  delimiter,
}: {
  bytes: Uint8Array
  from: number
  delimiter: Uint8Array
}): number {
  const tail = bytes.subarray(Math.max(from, bytes.length - delimiter.length + 1))
  const start = tail.lastIndexOf(CR)
  const isStart = start >= 0 && tail.subarray(start).every((byte, at) => byte === delimiter[at])
  return bytes.length - (isStart ? tail.length - start : 0)
}

/**
 * Finds a needle of at most 255 bytes with Horspool's algorithm, which skips most bytes. A candidate is
 * compared from its start, where the needle has its only CR: partial matches start at different CRs and do
 * not overlap, so the search is linear. If it were compared from its end, a boundary of one repeated letter
 * would be compared in full at each byte of a body of that letter.
 */
function searcher(needle: Uint8Array): (bytes: Uint8Array, from: number) => number {
  const last = needle.length - 1
  const first = needle[0]
  const skips = new Uint8Array(256).fill(needle.length)
  needle.subarray(0, last).forEach((byte, index) => {
    skips[byte] = last - index
  })
  return (bytes, from) => {
    const end = bytes.length - last
    for (let at = from; at < end; ) {
      if (bytes[at] === first) {
        let matched = 1
        while (matched <= last && bytes[at + matched] === needle[matched]) matched++
        if (matched > last) return at
      }
      const skip = skips[bytes[at + last] ?? 0] ?? 1
      at += skip
      if (skip > 1) continue
      // A scan for the CR is several times as fast as skips of one byte.
      const until = Math.min(at + SCAN_BYTES, end)
      while (at < until && bytes[at] !== first) at++
    }
    return -1
  }
}

function malformed() {
  return new VerbatimError('incomplete_upload', 'The multipart body is malformed')
}
