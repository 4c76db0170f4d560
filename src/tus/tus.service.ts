import { withUserLock } from '../auth/users.store.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { BeginUpload, StoredAudio } from '../intake.ts'
import type { StorageQuota } from '../quota.ts'
import type { Objects } from '../storage/storage.ts'
import { isUuid } from '../uuid.ts'
import { abortable } from './abortable.ts'
import { parseMetadata } from './metadata.ts'
import {
  addChunk,
  chunkKey,
  countUnfinished,
  findUpload,
  insertUpload,
  numberChunk,
  removeUpload,
  type Upload,
  type UploadKeys,
  uploadFolder,
} from './uploads.store.ts'

/** The fields of an upload that its owner sees. */
export type UploadState = Pick<
  Upload,
  'id' | 'length' | 'offset' | 'metadata' | 'transcriptionId' | 'expiresAt'
>

/** The body of one PATCH while it arrives. Disposing of it ends its count as a concurrent upload. */
export type UploadChunk = Disposable & {
  /** The bytes that the upload still lacks. */
  maxBytes: number
  /** Writes the chunk to storage while it arrives. Throws `wrong_offset` if a later request resumes the upload. */
  store(body: ReadableStream<Uint8Array>): Promise<StoredAudio>
  /** Appends the stored chunk. If the upload is complete, makes its transcription and throws what `Intake` throws. */
  commit(): Promise<UploadState>
}

export type TusService = ReturnType<typeof createTusService>

/** Bounds the row and the number of files. Clients that need more send a few bytes per request. */
const MAX_CHUNKS = 10_000
const MAX_UNFINISHED = 100
/** Errors that the same bytes will always meet. */
const FINAL_ERRORS = [
  'validation',
  'url_refused',
  'empty',
  'unsupported_type',
  'corrupt',
  'no_audio_track',
  'part_outside',
  'too_long',
]

/**
 * Resumable uploads. Each request's bytes are one chunk in storage; a complete upload's chunks are joined to the audio
 * of a transcription. Every method throws `not_found`, also for another user's upload, and `upload_expired`.
 */
export function createTusService({
  db,
  storage,
  removeFolder,
  beginUpload,
  checkFields,
  maxBytes,
  storageQuota,
  concurrencyLimit,
}: {
  db: Database
  storage: Objects
  /** Removes the folder of a deleted row, now or with a sweep. */
  removeFolder: (folder: string) => Promise<void>
  beginUpload: BeginUpload
  /** Throws `validation`, `url_refused` and `url_failed` if a transcription cannot have these fields. */
  checkFields: (fields: Map<string, string>) => Promise<void>
  maxBytes: number
  /** An upload counts with its declared length since its creation. Null: unlimited. */
  storageQuota: StorageQuota | null
  /** Counts one upload of the user until it is disposed of. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
}) {
  const finishing = new Map<string, Promise<Upload>>()
  const storeExclusively = exclusiveChunks(storage)

  async function owned(keys: UploadKeys): Promise<Upload> {
    const row = isUuid(keys.id) ? await findUpload(db, keys) : null
    if (!row) throw new VerbatimError('not_found', 'Upload not found')
    if (row.expiresAt < new Date()) {
      throw new VerbatimError('upload_expired', 'The upload has expired: create a new one')
    }
    return row
  }

  /**
   * Makes the transcription of a complete upload; returns any other upload as it is. Concurrent requests in this
   * process share one attempt, since each attempt stores the whole audio again. Of two processes, one is undone.
   */
  async function finishIfComplete(row: Upload): Promise<Upload> {
    if (row.transcriptionId !== null || row.offset < row.length) return row
    const attempt = finishing.get(row.id) ?? finish(row).finally(() => finishing.delete(row.id))
    finishing.set(row.id, attempt)
    return attempt
  }

  /** Removes an upload that can never become a transcription. */
  async function finish(row: Upload): Promise<Upload> {
    const fields = parseMetadata(row.metadata)
    const filename = fields.get('filename') ?? fields.get('name') ?? null
    try {
      await using intake = await beginUpload({ userId: row.userId, uploadId: row.id })
      const stored = await intake.store(joinedChunks(storage, row)).catch(chunksMissing)
      await intake.commit({ fields, file: { filename, stored } })
    } catch (error) {
      if (error instanceof VerbatimError && FINAL_ERRORS.includes(error.code)) await remove(row.id)
      throw error
    }
    await storage.remove(uploadFolder(row.id))
    return owned(row)
  }

  async function remove(id: string): Promise<void> {
    await removeUpload(db, id)
    await removeFolder(uploadFolder(id))
  }

  /** Reserves the next chunk of an incomplete upload. Throws `wrong_offset` and `validation` (too many chunks). */
  async function reserveChunk(upload: Upload): Promise<Upload> {
    if (upload.pieces.length >= MAX_CHUNKS) {
      throw new VerbatimError(
        'validation',
        `The upload was sent in ${MAX_CHUNKS} requests, which is the limit: create a new one, with larger chunks`,
      )
    }
    const row = await numberChunk(db, upload)
    if (!row) throw wrongOffset(await owned(upload))
    return row
  }

  return {
    maxBytes,

    /** Throws `too_large`, `empty`, `too_many_uploads`, `storage_quota_reached`, and what `checkFields` throws. */
    async create({
      userId,
      length,
      metadata,
    }: {
      userId: string
      length: number
      metadata: string
    }): Promise<UploadState> {
      if (length > maxBytes) {
        throw new VerbatimError(
          'too_large',
          `The audio file is larger than the ${maxBytes} bytes that this server takes`,
        )
      }
      if (length === 0) throw new VerbatimError('empty', 'The audio file is empty')
      await checkFields(parseMetadata(metadata))
      return withUserLock(db, userId, async (tx) => {
        if ((await countUnfinished(tx, userId)) >= MAX_UNFINISHED) {
          throw new VerbatimError(
            'too_many_uploads',
            `You have ${MAX_UNFINISHED} unfinished uploads: finish or delete one first`,
          )
        }
        const row = await insertUpload(tx, { userId, length, metadata })
        if (!row) throw new Error('the insert of an upload returned no row')
        await storageQuota?.require(tx, { userId, bytes: length })
        return row
      })
    },

    /**
     * Begins to append a chunk at `offset`. If two requests resume an upload at once, the later one wins and the earlier
     * one's chunk fails, so that no more is stored than was declared. Throws `wrong_offset`, `too_many_at_once` and
     * `validation` (too many chunks).
     */
    async beginChunk({ offset, ...keys }: UploadKeys & { offset: number }): Promise<UploadChunk> {
      using holds = new DisposableStack()
      holds.use(concurrencyLimit(keys.userId))
      const upload = await owned(keys)
      if (upload.offset !== offset) throw wrongOffset(upload)
      const isComplete = upload.offset === upload.length
      const reserved = isComplete ? upload : await reserveChunk(upload)
      const { id, piece: number } = reserved
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
          const row = bytes === 0 ? reserved : await addChunk(db, { id, number, bytes })
          if (bytes === 0 || !row) await storage.remove(chunkKey(id, number))
          if (!row) throw wrongOffset(await owned(keys))
          return finishIfComplete(row)
        },

        [Symbol.dispose]: () => ownHolds.dispose(),
      }
    },

    /** Also finishes an upload that was complete when the process died or the storage was full. */
    async read(keys: UploadKeys): Promise<UploadState> {
      return finishIfComplete(await owned(keys))
    },

    /** Removes the upload with its chunks; a transcription that it became stays. */
    async remove(keys: UploadKeys): Promise<void> {
      await remove((await owned(keys)).id)
    },

    /** Removes the files of uploads whose rows are deleted. */
    async removeFiles(ids: string[]): Promise<void> {
      for (const id of ids) await removeFolder(uploadFolder(id))
    },
  }
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

/** Chunks are missing after a restore, or after a power cut if the database is embedded. */
function chunksMissing(error: unknown): never {
  const isMissing = error instanceof VerbatimError && error.code === 'not_found'
  if (!isMissing) throw error
  throw new VerbatimError('upload_expired', 'Parts of the upload are missing: create a new upload', {
    cause: error,
  })
}

function joinedChunks(storage: Objects, { id, pieces }: Upload): ReadableStream<Uint8Array> {
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

function wrongOffset({ offset }: Pick<Upload, 'offset'>) {
  return new VerbatimError('wrong_offset', `The upload continues at byte ${offset}`)
}
