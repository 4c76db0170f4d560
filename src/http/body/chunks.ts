import { VerbatimError } from '../../errors.ts'
import { type MinThroughput, withMinThroughput } from './min-throughput.ts'

/** Less than this in a piece is not worth being handled alone. */
const SMALL_BYTES = 4096

/**
 * The body of a request or an answer, piece by piece as it arrives. Throws `too_large` beyond `maxBytes` (already at its Content-Length),
 * `incomplete_upload` where it breaks off, and `upload_stalled` where it comes slower than `pace`.
 */
export async function* bodyChunks({
  message,
  maxBytes,
  tooLarge,
  pace,
}: {
  message: Pick<Request, 'headers' | 'body'>
  maxBytes: number
  tooLarge: () => VerbatimError
  pace: MinThroughput
}): AsyncGenerator<Uint8Array, void> {
  if (!message.body) return
  const declared = Number(message.headers.get('content-length') ?? 0)
  const reader = message.body.getReader()
  const arrival = withMinThroughput(pace)
  const next = () =>
    arrival(reader.read()).catch((error: unknown) => {
      throw error instanceof VerbatimError ? error : brokenOff(error)
    })
  let bytes = 0
  try {
    if (declared > maxBytes) throw tooLarge()
    for (let piece = await next(); piece; piece = await next()) {
      bytes += piece.length
      if (bytes > maxBytes) throw tooLarge()
      const isSmall = piece.length < SMALL_BYTES
      yield piece
      free(piece)
      if (isSmall) await nextTurn()
    }
    if (bytes < declared) throw brokenOff()
  } finally {
    reader.cancel().catch(() => {})
  }
}

/**
 * Lets the event loop turn once. Chunks of a few bytes (HTTP/1.1 chunked) that lie in one packet would else be handled one by one
 * before anything else is: a reader that is not waiting finds all of them in its next piece.
 */
function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve)
  return promise
}

/**
 * Gives a piece's memory back at once: left to the garbage collector, hundreds of MB wait in a process whose heap is large.
 * Whoever takes a piece is done with it before asking for the next.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

function brokenOff(cause?: unknown) {
  return new VerbatimError('incomplete_upload', 'The upload broke off before its end', { cause })
}

/** Whether what was thrown says that a body did not come whole. */
export const isCutShort = (error: unknown): error is VerbatimError =>
  error instanceof VerbatimError && ['incomplete_upload', 'upload_stalled'].includes(error.code)
