import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { BeginUpload } from '../intake.ts'
import type { Objects } from '../storage/storage.ts'
import { chunksMissing, joinedChunks } from './joined-chunks.ts'
import { parseMetadata } from './metadata.ts'
import { requireOwnedUpload } from './owned-upload.ts'
import { removeUpload, type Upload, uploadFolder } from './uploads.store.ts'

/** Errors that the same bytes will always meet. */
const FINAL_ERRORS = [
  'validation',
  'url_refused',
  'empty',
  'unsupported_type',
  'corrupt',
  'no_audio_track',
  'part_outside',
  'track_outside',
  'too_long',
]

/**
 * Makes the transcription of a complete upload; returns any other upload as it is. Throws what `BeginUpload`
 * and `Intake` throw, and `upload_expired` (chunks are missing).
 */
export type FinishIfComplete = (upload: Upload) => Promise<Upload>

export function createFinishIfComplete({
  db,
  storage,
  removeFolder,
  beginUpload,
}: {
  db: Database
  storage: Objects
  removeFolder: (folder: string) => Promise<void>
  beginUpload: BeginUpload
}): FinishIfComplete {
  const attempts = new Map<string, Promise<Upload>>()

  /** Removes an upload that can never become a transcription. */
  async function finish(upload: Upload): Promise<Upload> {
    const { id, userId } = upload
    const fields = parseMetadata(upload.metadata)
    const filename = fields.get('filename') ?? fields.get('name') ?? null
    try {
      await using intake = await beginUpload({ userId, uploadId: id })
      const stored = await intake.store(joinedChunks(storage, upload)).catch(chunksMissing)
      await intake.commit({ fields, file: { filename, stored } })
    } catch (error) {
      if (error instanceof VerbatimError && FINAL_ERRORS.includes(error.code)) {
        await removeUpload(db, id)
        await removeFolder(uploadFolder(id))
      }
      throw error
    }
    await storage.remove(uploadFolder(id))
    return requireOwnedUpload(db, upload)
  }

  return async (upload) => {
    if (upload.transcriptionId !== null || upload.offset < upload.length) return upload
    // Requests of this process share an attempt, since each one stores the whole audio again.
    const attempt = attempts.get(upload.id) ?? finish(upload).finally(() => attempts.delete(upload.id))
    attempts.set(upload.id, attempt)
    return attempt
  }
}
