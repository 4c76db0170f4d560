/**
 * Stores a stream. It must be done with each chunk before it reads the next: the chunk's memory is released
 * then.
 */
export type Store<Stored> = (body: ReadableStream<Uint8Array>) => Promise<Stored>

/** A file of a request body while it is written to a `Store`. */
export type FilePart<Stored> = {
  filename: string | null
  bytes: number
  stored: Promise<Stored>
  /** Resolves when the store reads on; rejects with what the store threw. */
  write(bytes: Uint8Array): Promise<void>
  end(): void
  /** Fails the store's stream, then waits until the store has settled. */
  fail(error: unknown): Promise<void>
}

export function openFilePart<Stored>({
  filename,
  store,
}: {
  filename: string | null
  store: Store<Stored>
}): FilePart<Stored> {
  let demand = Promise.withResolvers<void>()
  let isOpen = true
  let control: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        control = controller
      },
      pull() {
        demand.resolve()
      },
      cancel() {
        isOpen = false
      },
    },
    // Without a queue, `pull` is called only when the previous chunk was consumed.
    { highWaterMark: 0 },
  )
  const stored = store(body)
  // A store can settle without reading the stream, even before the first write.
  demand.promise.catch(() => {})
  const settled = stored.then(
    () => {
      isOpen = false
      demand.resolve()
    },
    (error: unknown) => {
      isOpen = false
      demand.reject(error)
    },
  )

  return {
    filename,
    bytes: 0,
    stored,
    async write(bytes) {
      if (!isOpen) return void (await stored)
      demand = Promise.withResolvers()
      control?.enqueue(bytes)
      await demand.promise
    },
    end() {
      if (isOpen) control?.close()
    },
    async fail(error) {
      if (isOpen) control?.error(error)
      await settled
    },
  }
}

/** Passes chunks to `store` as a stream. When it throws, that stream has failed and `store` has settled. */
export async function storeChunks<Stored>({
  chunks,
  store,
}: {
  chunks: AsyncIterable<Uint8Array>
  store: Store<Stored>
}): Promise<Stored> {
  const file = openFilePart({ filename: null, store })
  try {
    for await (const chunk of chunks) await file.write(chunk)
    file.end()
    return await file.stored
  } catch (error) {
    await file.fail(error)
    throw error
  }
}
