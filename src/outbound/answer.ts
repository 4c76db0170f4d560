import type { IncomingMessage } from 'node:http'

/** Throws where the status or a header is nothing that HTTP knows. */
export function answerOf(message: IncomingMessage): Response {
  // One that is let go of before it is read would otherwise throw where nobody catches.
  message.on('error', () => {})
  const status = message.statusCode ?? 0
  const headers = new Headers()
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at] ?? '', message.rawHeaders[at + 1] ?? '')
  }
  if (![204, 205, 304].includes(status)) return new Response(bodyOf(message), { status, headers })
  // What comes all the same is not read: it may never end.
  message.destroy()
  return new Response(null, { status, headers })
}

/** Asks for the next chunk only when the reader does. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  return new ReadableStream(
    {
      async pull(control) {
        const { done, value } = await chunks.next()
        if (done) control.close()
        else control.enqueue(value)
      },
      cancel() {
        message.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
