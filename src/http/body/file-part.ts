/** It is done with each piece before it asks for the next: then the piece's memory is gone. */
export type Store<Stored> = (body: ReadableStream<Uint8Array>) => Promise<Stored>

/** A file on its way from a form to `store`. */
export type FilePart<Stored> = {
  filename: string | null
  bytes: number
  stored: Promise<Stored>
  /** Resolves once the store asks for more; rejects with what it threw. */
  write(bytes: Uint8Array): Promise<void>
  end(): void
  /** Fails the store's stream and waits until it has settled. */
  fail(error: unknown): Promise<void>
}

export function openFilePart<Stored>({
  filename,
  store,
}: {
  filename: string | null
  store: Store<Stored>
}): FilePart<Stored> {
  let asked = Promise.withResolvers<void>()
  let open = true
  let control: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        control = controller
      },
      pull() {
        asked.resolve()
      },
      cancel() {
        open = false
      },
    },
    // Without a queue of its own, more is asked for only when all is consumed.
    { highWaterMark: 0 },
  )
  const stored = store(body)
  // A store can settle without having touched the stream, and also before anything is written.
  asked.promise.catch(() => {})
  const settled = stored.then(
    () => {
      open = false
      asked.resolve()
    },
    (error: unknown) => {
      open = false
      asked.reject(error)
    },
  )

  return {
    filename,
    bytes: 0,
    stored,
    async write(bytes) {
      if (!open) return void (await stored)
      asked = Promise.withResolvers()
      control?.enqueue(bytes)
      await asked.promise
    },
    end() {
      if (open) control?.close()
    },
    async fail(error) {
      if (open) control?.error(error)
      await settled
    },
  }
}

/** Brings what comes to `store`. When it throws, the store's stream has failed and the store has settled. */
export async function streamed<Stored>({
  pieces,
  store,
}: {
  pieces: AsyncIterable<Uint8Array>
  store: Store<Stored>
}): Promise<Stored> {
  const file = openFilePart({ filename: null, store })
  try {
    for await (const piece of pieces) await file.write(piece)
    file.end()
    return await file.stored
  } catch (error) {
    await file.fail(error)
    throw error
  }
}
