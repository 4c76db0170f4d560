import { asc, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { storageRemovals } from '../db/schema.ts'

/**
 * Longer than a sweep waits before it examines a folder, so that files written after the removal are found
 * too.
 */
const KEPT_DAYS = 2

/** Records that a folder is to be removed which never had a row. */
export async function recordRemoval(db: Queries, folder: string): Promise<void> {
  await db.insert(storageRemovals).values({ folder }).onConflictDoNothing()
}

/** Records that a folder was removed. */
export async function markRemoved(db: Queries, folder: string): Promise<void> {
  await db.update(storageRemovals).set({ removedAt: sql`now()` }).where(eq(storageRemovals.folder, folder))
}

/** Returns recorded folders that are not removed yet, the oldest first. */
export async function findPendingRemovals(db: Queries, limit: number): Promise<string[]> {
  const rows = await db
    .select({ folder: storageRemovals.folder })
    .from(storageRemovals)
    .where(isNull(storageRemovals.removedAt))
    .orderBy(asc(storageRemovals.createdAt))
    .limit(limit)
  return rows.map(({ folder }) => folder)
}

/** Returns those of `folders` whose removal is recorded, whether done or pending. */
export async function findRecordedRemovals(db: Queries, folders: string[]): Promise<Set<string>> {
  if (folders.length === 0) return new Set()
  const rows = await db
    .select({ folder: storageRemovals.folder })
    .from(storageRemovals)
    .where(inArray(storageRemovals.folder, folders))
  return new Set(rows.map(({ folder }) => folder))
}

export async function deleteOldRemovals(db: Queries): Promise<void> {
  await db
    .delete(storageRemovals)
    .where(lt(storageRemovals.removedAt, sql`now() - make_interval(days => ${KEPT_DAYS})`))
}
