import { VerbatimError } from '../errors.ts'
import type { Objects } from '../storage/storage.ts'
import { chunkKey, type Upload } from './uploads.store.ts'

/** The file that the chunks of an upload are. */
export function joinedChunks(
  storage: Pick<Objects, 'read'>,
  { id, pieces }: Pick<Upload, 'id' | 'pieces'>,
): ReadableStream<Uint8Array> {
  async function* read() {
    for (const number of pieces) yield* await storage.read(chunkKey(id, number))
  }
  const chunks = read()
  return new ReadableStream(
    {
      async pull(control) {
        const { done, value } = await chunks.next()
        if (done) control.close()
        else control.enqueue(value)
      },
      async cancel() {
        await chunks.return()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Chunks are missing after a restore, or after a power cut if the database is embedded. */
export function chunksMissing(error: unknown): never {
  const isMissing = error instanceof VerbatimError && error.code === 'not_found'
  if (!isMissing) throw error
  throw new VerbatimError('upload_expired', 'Parts of the upload are missing: create a new upload', {
    cause: error,
  })
}
