import type { IncomingMessage } from 'node:http'
import { byteStream } from '../bytes.ts'

/** Converts Node's response. Throws if its status or a header is invalid. */
export function toResponse(message: IncomingMessage): Response {
  // Prevents an uncaught exception if the message fails before its body is read.
  message.on('error', () => {})
  const status = message.statusCode ?? 0
  const headers = new Headers()
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '')
  }
  if (![204, 205, 304].includes(status)) return new Response(bodyOf(message), { status, headers })
  // A body that is sent anyway is not read: it may be endless.
  message.destroy()
  return new Response(null, { status, headers })
}

/** Reads the next chunk only when the reader asks for it. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  return byteStream(chunks, { cancel: () => message.destroy() })
}
