const STALL_MS = 60_000

/**
 * The body of a response. It fails if the store sends nothing for a minute, or ends before `content-length`
 * bytes. The reader may be as slow as it likes.
 */
export function wholeBody(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (!response.body) return emptyBody()
  const reader = response.body.getReader()
  const length = response.headers.get('content-length')
  let received = 0
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await orStalled(reader.read())
        if (!done) {
          received += value.length
          controller.enqueue(value)
        } else if (length !== null && received !== Number(length)) {
          throw new Error(`the store sent ${received} of ${length} bytes`)
        } else {
          controller.close()
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )

  async function orStalled<T>(read: Promise<T>): Promise<T> {
    const stalled = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const error = new Error(`the store sent nothing for ${STALL_MS / 1000} s`)
      stalled.reject(error)
      reader.cancel(error).catch(() => {})
    }, STALL_MS)
    try {
      return await Promise.race([read, stalled.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

export function emptyBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.close() })
}
