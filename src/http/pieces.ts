import { VerbatimError } from '../errors.ts'

/**
 * The body of a request or an answer, piece by piece as it arrives. Throws `too_large` beyond `maxBytes` (already at its Content-Length),
 * `incomplete_upload` where it breaks off, and `upload_stalled` where nothing comes for `idleMs`.
 */
export async function* piecesOf({
  message,
  maxBytes,
  tooLarge,
  idleMs,
}: {
  message: Pick<Request, 'headers' | 'body'>
  maxBytes: number
  tooLarge: () => VerbatimError
  idleMs: number
}): AsyncGenerator<Uint8Array, void> {
  if (!message.body) return
  const declared = Number(message.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge()
  const reader = message.body.getReader()
  let bytes = 0
  try {
    for (let piece = await next(reader, idleMs); piece; piece = await next(reader, idleMs)) {
      bytes += piece.length
      if (bytes > maxBytes) throw tooLarge()
      yield piece
      free(piece)
    }
    if (bytes < declared) throw brokenOff()
  } finally {
    reader.cancel().catch(() => {})
  }
}

/**
 * Gives a piece's memory back at once: left to the garbage collector, hundreds of MB wait in a process whose heap is large.
 * Whoever takes a piece is done with it before asking for the next.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>, idleMs: number) {
  const stalled = Promise.withResolvers<never>()
  const timer = setTimeout(() => stalled.reject(stall(idleMs)), idleMs)
  try {
    return (await Promise.race([reader.read(), stalled.promise])).value
  } catch (error) {
    throw error instanceof VerbatimError ? error : brokenOff(error)
  } finally {
    clearTimeout(timer)
  }
}

function brokenOff(cause?: unknown) {
  return new VerbatimError('incomplete_upload', 'The upload broke off before its end', { cause })
}

function stall(idleMs: number) {
  return new VerbatimError('upload_stalled', `Nothing of the upload came for ${idleMs / 1000} seconds`)
}
