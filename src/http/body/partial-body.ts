import { VerbatimError } from '../../errors.ts'
import { bodyChunks, isCutShort } from './chunks.ts'
import { openFilePart, type Store } from './file-part.ts'
import { MIN_THROUGHPUT } from './min-throughput.ts'

/**
 * Passes a body to `store` as a stream. If the body breaks off or stalls, the bytes that arrived are stored
 * as a whole. Throws `too_large`, or what `store` threw; then the store's stream has failed and the store has
 * settled.
 */
export async function readPartial<Stored>({
  request,
  maxBytes,
  store,
}: {
  request: Request
  maxBytes: number
  store: Store<Stored>
}): Promise<Stored> {
  const tooLarge = () =>
    new VerbatimError(
      'too_large',
      `The body is larger than the ${maxBytes} bytes that the upload still lacks`,
    )
  const file = openFilePart({ filename: null, store })
  try {
    for await (const chunk of bodyChunks({ message: request, maxBytes, tooLarge, pace: MIN_THROUGHPUT })) {
      await file.write(chunk)
    }
  } catch (error) {
    if (!isCutShort(error)) {
      await file.fail(error)
      throw error
    }
  }
  file.end()
  return file.stored
}
