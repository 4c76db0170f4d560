/** Sends as many bytes as it was made for, and has them announced (workerd announces no others). */
declare const FixedLengthStream: (new (bytes: number) => TransformStream<Uint8Array, Uint8Array>) | undefined

/**
 * The same answer, for whose length something is held. `run` runs each read of its body; `ended` is called once it is
 * read to its end, broken off or given up, or where there is none.
 */
export function releaseAfterBody(
  answer: Response,
  { run, ended }: { run: <T>(read: () => T) => T; ended: () => void },
): Response {
  if (!answer.body) {
    ended()
    return answer
  }
  const reader = answer.body.getReader()
  let isGivenUp = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await run(() => reader.read())
          // Given up, a read ends at once, though what it was waiting for goes on for a while.
          if (isGivenUp) return
          if (!done) return controller.enqueue(value)
          ended()
          controller.close()
        } catch (error) {
          if (!isGivenUp) ended()
          throw error
        }
      },
      async cancel(reason) {
        isGivenUp = true
        await run(() => reader.cancel(reason)).finally(ended)
      },
    },
    { highWaterMark: 0 },
  )
  const length = answer.headers.get('content-length')
  const isAnnounced = length !== null && typeof FixedLengthStream !== 'undefined'
  return new Response(isAnnounced ? body.pipeThrough(new FixedLengthStream(Number(length))) : body, answer)
}
