import { VerbatimError } from '../../errors.ts'
import { type MinThroughput, withMinThroughput } from './min-throughput.ts'

/** Smaller chunks are worth waiting for, so that several arrive together. */
const SMALL_BYTES = 4096

/**
 * Yields the body of a request or a response in chunks as they arrive. Throws `too_large` beyond `maxBytes`
 * (at once if the Content-Length is larger), `incomplete_upload` if the connection breaks, and
 * `upload_stalled` if the sender is slower than `pace`. A consumer must not use a chunk after it has asked
 * for the next one.
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
      throw error instanceof VerbatimError ? error : incomplete(error)
    })
  let bytes = 0
  try {
    if (declared > maxBytes) throw tooLarge()
    for (let chunk = await next(); chunk; chunk = await next()) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge()
      const isSmall = chunk.length < SMALL_BYTES
      yield chunk
      free(chunk)
      if (isSmall) await nextTick()
    }
    if (bytes < declared) throw incomplete()
  } finally {
    reader.cancel().catch(() => {})
  }
}

/**
 * Waits for one iteration of the event loop. Many tiny chunks (HTTP/1.1 chunked) of one packet would
 * otherwise be handled one by one before any other work. A reader that does not wait receives them in one
 * chunk.
 */
function nextTick(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve)
  return promise
}

/**
 * Frees a chunk's memory at once. The garbage collector would leave hundreds of MB in a process with a large
 * heap.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

function incomplete(cause?: unknown) {
  return new VerbatimError(
    'incomplete_upload',
    'The upload is incomplete: the connection closed before its end',
    { cause },
  )
}

/** Whether an error means that a body did not arrive completely. */
export const isCutShort = (error: unknown): error is VerbatimError =>
  error instanceof VerbatimError && ['incomplete_upload', 'upload_stalled'].includes(error.code)
