/**
 * Forwards a stream and calls `add` with the size of each chunk. An error of `add` fails the stream. A chunk
 * is read only after the previous one was consumed.
 */
export function metered(
  body: ReadableStream<Uint8Array>,
  add: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        try {
          add(value.length)
        } catch (error) {
          controller.error(error)
          return reader.cancel(error)
        }
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
