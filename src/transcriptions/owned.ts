import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import { prepareFindOwned, type Transcription } from './transcriptions.store.ts'

export type OwnedKeys = { id: string; userId: string }

/** Returns a user's transcription. Throws `not_found` if there is none, or if it belongs to another user. */
export type RequireOwned = (keys: OwnedKeys) => Promise<Transcription>

export function createRequireOwned(db: Database): RequireOwned {
  const findOwned = prepareFindOwned(db)
  return async (keys) => {
    const row = isUuid(keys.id) ? await findOwned(keys) : null
    if (!row) throw transcriptionNotFound()
    return row
  }
}

export function transcriptionNotFound() {
  return new VerbatimError('not_found', 'Transcription not found')
}
