export function concatenated(chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** Streams the chunks of an iterator. It asks the iterator for a chunk only when the reader asks for one. */
export function byteStream(
  chunks: AsyncIterator<Uint8Array>,
  { cancel }: { cancel: () => unknown },
): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await cancel()
      },
    },
    { highWaterMark: 0 },
  )
}
