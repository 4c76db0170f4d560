import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { StoredAudio } from '../intake.ts'
import type { Objects } from '../storage/storage.ts'
import { abortable } from './abortable.ts'
import type { FinishIfComplete } from './finish-upload.ts'
import { requireOwnedUpload } from './owned-upload.ts'
import { addChunk, chunkKey, numberChunk, type Upload, type UploadKeys } from './uploads.store.ts'

/** The body of one PATCH while it arrives. Until it is disposed of, it counts as an upload in progress. */
type UploadChunk = Disposable & {
  /** The bytes that the upload still lacks. */
  maxBytes: number
  /**
   * Writes the chunk to storage while it arrives. Throws `wrong_offset` if a later request resumes the
   * upload.
   */
  store(body: ReadableStream<Uint8Array>): Promise<StoredAudio>
  /**
   * Appends the stored chunk; an upload that is complete by it becomes a transcription. Throws
   * `wrong_offset`, and what `FinishIfComplete` throws.
   */
  commit(): Promise<Upload>
}

/** Bounds the number of files, and the row's list of them. */
const MAX_CHUNKS = 10_000

/**
 * Begins to append a chunk at `offset`. If two requests resume an upload at once, the later one wins and the
 * earlier one fails, so that no more is stored than was declared. Throws `not_found`, `upload_expired`,
 * `wrong_offset`, `too_many_at_once` and `validation` (too many chunks).
 */
type BeginChunk = (options: UploadKeys & { offset: number }) => Promise<UploadChunk>

export function createBeginChunk({
  db,
  storage,
  finishIfComplete,
  concurrencyLimit,
}: {
  db: Database
  storage: Pick<Objects, 'write' | 'remove'>
  finishIfComplete: FinishIfComplete
  concurrencyLimit: (userId: string) => Disposable
}): BeginChunk {
  const storeExclusively = exclusiveChunks(storage)

  return async ({ offset, ...keys }) => {
    using holds = new DisposableStack()
    holds.use(concurrencyLimit(keys.userId))
    const upload = await requireOwnedUpload(db, keys)
    if (upload.offset !== offset) throw wrongOffset(upload)
    const isComplete = upload.offset === upload.length
    const numbered = isComplete ? upload : await numberNext(db, upload)
    const { id, piece: number } = numbered
    let bytes = 0
    const ownHolds = holds.move()

    return {
      maxBytes: upload.length - upload.offset,

      async store(body) {
        const stored = await storeExclusively(body, { id, number })
        bytes = stored.bytes
        return stored
      },

      async commit() {
        if (isComplete) return finishIfComplete(upload)
        const row = bytes === 0 ? numbered : await addChunk(db, { id, number, bytes })
        if (bytes === 0 || !row) await storage.remove(chunkKey(id, number))
        if (!row) throw wrongOffset(await requireOwnedUpload(db, keys))
        return finishIfComplete(row)
      },

      [Symbol.dispose]: () => ownHolds.dispose(),
    }
  }
}

async function numberNext(db: Database, upload: Upload): Promise<Upload> {
  if (upload.pieces.length >= MAX_CHUNKS) {
    throw new VerbatimError(
      'validation',
      `The upload has ${MAX_CHUNKS} chunks, which is the limit: create a new one, with larger chunks`,
    )
  }
  const row = await numberChunk(db, upload)
  if (!row) throw wrongOffset(await requireOwnedUpload(db, upload))
  return row
}

/** Stores chunks. A new chunk of an upload fails the one that still arrives in this process. */
function exclusiveChunks(storage: Pick<Objects, 'write'>) {
  const arriving = new Map<string, AbortController>()

  return async (
    body: ReadableStream<Uint8Array>,
    { id, number }: { id: string; number: number },
  ): Promise<StoredAudio> => {
    const control = new AbortController()
    arriving.get(id)?.abort(new VerbatimError('wrong_offset', 'Another request has resumed the upload'))
    arriving.set(id, control)
    try {
      return await storage.write(chunkKey(id, number), abortable(body, control.signal))
    } finally {
      if (arriving.get(id) === control) arriving.delete(id)
    }
  }
}

function wrongOffset({ offset }: Pick<Upload, 'offset'>) {
  return new VerbatimError(
    'wrong_offset',
    `The upload continues at byte ${offset}: send Upload-Offset: ${offset}`,
  )
}
