/** workerd's stream with a known length. workerd sends a Content-Length for no other stream. */
declare const FixedLengthStream: (new (bytes: number) => TransformStream<Uint8Array, Uint8Array>) | undefined

/**
 * Returns the same response, and calls `ended` once when its body was read to the end, failed or was
 * canceled, or if it has no body. `run` wraps each read of the body.
 */
export function releaseAfterBody(
  response: Response,
  { run, ended }: { run: <T>(read: () => T) => T; ended: () => void },
): Response {
  if (!response.body) {
    ended()
    return response
  }
  const reader = response.body.getReader()
  let isCanceled = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await run(() => reader.read())
          // A canceled read ends at once, although the underlying read may continue for a while.
          if (isCanceled) return
          if (!done) return controller.enqueue(value)
          ended()
          controller.close()
        } catch (error) {
          if (!isCanceled) ended()
          throw error
        }
      },
      async cancel(reason) {
        isCanceled = true
        await run(() => reader.cancel(reason)).finally(ended)
      },
    },
    { highWaterMark: 0 },
  )
  const length = response.headers.get('content-length')
  const hasLength = length !== null && typeof FixedLengthStream !== 'undefined'
  return new Response(hasLength ? body.pipeThrough(new FixedLengthStream(Number(length))) : body, response)
}
