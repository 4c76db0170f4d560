import { withUserLock } from '../auth/users.store.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { BeginUpload } from '../intake.ts'
import type { Objects } from '../storage/storage.ts'
import type { StorageQuota } from '../storage-quota.ts'
import { createBeginChunk } from './begin-chunk.ts'
import { createFinishIfComplete } from './finish-upload.ts'
import { parseMetadata } from './metadata.ts'
import { requireOwnedUpload } from './owned-upload.ts'
import { requireFewUnfinished } from './unfinished-limit.ts'
import { insertUpload, removeUpload, type Upload, type UploadKeys, uploadFolder } from './uploads.store.ts'

/** The fields of an upload that its owner sees. */
export type UploadState = Pick<
  Upload,
  'id' | 'length' | 'offset' | 'metadata' | 'transcriptionId' | 'expiresAt'
>

export type TusService = ReturnType<typeof createTusService>

/**
 * Resumable uploads. Each request's bytes are one chunk in storage; a complete upload's chunks are joined to
 * the audio.
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
  const finishIfComplete = createFinishIfComplete({ db, storage, removeFolder, beginUpload })

  return {
    maxBytes,

    /**
     * Throws `too_large`, `empty`, `too_many_uploads`, `storage_quota_reached`, and what `checkFields`
     * throws.
     */
    async create({
      userId,
      length,
      metadata,
    }: {
      userId: string
      length: number
      metadata: string
    }): Promise<UploadState> {
      checkLength(length, { maxBytes })
      await checkFields(parseMetadata(metadata))
      return withUserLock(db, userId, async (tx) => {
        await requireFewUnfinished(tx, userId)
        const row = await insertUpload(tx, { userId, length, metadata })
        if (!row) throw new Error('the insert of an upload returned no row')
        await storageQuota?.require(tx, { userId, bytes: length })
        return row
      })
    },

    beginChunk: createBeginChunk({ db, storage, finishIfComplete, concurrencyLimit }),

    /**
     * Also finishes an upload that was complete when the process died or the storage was full. Throws
     * `not_found`, `upload_expired`, and what `FinishIfComplete` throws.
     */
    async read(keys: UploadKeys): Promise<UploadState> {
      return finishIfComplete(await requireOwnedUpload(db, keys))
    },

    /**
     * Removes the upload with its chunks; a transcription that it became stays. Throws `not_found` and
     * `upload_expired`.
     */
    async remove(keys: UploadKeys): Promise<void> {
      const { id } = await requireOwnedUpload(db, keys)
      await removeUpload(db, id)
      await removeFolder(uploadFolder(id))
    },

    /** Removes the files of uploads whose rows are deleted. */
    async removeFiles(ids: string[]): Promise<void> {
      for (const id of ids) await removeFolder(uploadFolder(id))
    },
  }
}

function checkLength(length: number, { maxBytes }: { maxBytes: number }): void {
  if (length > maxBytes) {
    throw new VerbatimError(
      'too_large',
      `The audio file is larger than the ${maxBytes} bytes that this server takes`,
    )
  }
  if (length === 0) throw new VerbatimError('empty', 'The audio file is empty')
}
