import type { Queries } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { findUpload, type Upload, type UploadKeys } from './uploads.store.ts'

/** Throws `not_found`, also for another user's upload, and `upload_expired`. */
export async function requireOwnedUpload(db: Queries, keys: UploadKeys): Promise<Upload> {
  const row = isUuid(keys.id) ? await findUpload(db, keys) : null
  if (!row) throw new VerbatimError('not_found', 'Upload not found')
  if (row.expiresAt < new Date()) {
    throw new VerbatimError('upload_expired', 'The upload has expired: create a new one')
  }
  return row
}
