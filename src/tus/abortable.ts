/** Forwards a stream until `signal` fires, then fails with the signal's reason. */
export function abortable(body: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const stop = () => void reader.cancel(signal.reason)
  signal.addEventListener('abort', stop)
  const end = () => signal.removeEventListener('abort', stop)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (signal.aborted) return controller.error(signal.reason)
        if (!done) return controller.enqueue(value)
        end()
        controller.close()
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
