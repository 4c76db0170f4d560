const PATIENCE_MS = 60_000

/** An answer's body that ends in an error when it stalls, or ends before all is there. A slow reader may take its time. */
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

  async function orStalled<T>(next: Promise<T>): Promise<T> {
    const stalled = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const error = new Error(`the store sent nothing for ${PATIENCE_MS / 1000} s`)
      stalled.reject(error)
      reader.cancel(error).catch(() => {})
    }, PATIENCE_MS)
    try {
      return await Promise.race([next, stalled.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

export function emptyBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.close() })
}
