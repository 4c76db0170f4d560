import type { Database } from '../db/database.ts'
import type { Storage } from '../storage/storage.ts'
import { markRemoved, recordRemoval } from './removals.store.ts'

export type RemoveFolder = (folder: string) => Promise<void>

/**
 * Removes the folder of a row that was deleted. The row's trigger has recorded the folder: what cannot be removed now is
 * removed by the next sweep.
 */
export function createRemoveFolder({
  db,
  storage,
}: {
  db: Database
  storage: Pick<Storage, 'remove'>
}): RemoveFolder {
  return async (folder) => {
    try {
      await storage.remove(folder)
      await markRemoved(db, folder)
    } catch {
      // Neither the storage nor the database is needed for the row to stay deleted.
    }
  }
}

/** Removes a folder that never had a row; one that cannot be removed now is recorded for the sweep. */
export async function discardFolder(
  { db, storage }: { db: Database; storage: Pick<Storage, 'remove'> },
  folder: string,
): Promise<void> {
  try {
    await storage.remove(folder)
  } catch {
    await recordRemoval(db, folder).catch(() => {})
  }
}
