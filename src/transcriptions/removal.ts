import type { Database } from '../db/database.ts'
import type { Storage } from '../storage/storage.ts'
import { markRemoved, recordRemoval } from './removals.store.ts'

export type RemoveFolder = (folder: string) => Promise<void>

/**
 * Removes the folder of a deleted row. A trigger has recorded the folder, so that the next sweep removes it
 * if that fails now.
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
      // The row is deleted and the removal is recorded: the next sweep removes the folder.
    }
  }
}

/** Removes a folder that never had a row. If that fails, records it for the sweep. */
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
