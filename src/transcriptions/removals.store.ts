import { asc, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { storageRemovals } from '../db/schema.ts'

/** Longer than a sweep waits before it looks at a folder: whatever was still being written into it is removed too. */
const KEPT_DAYS = 2

/** Records that a folder is to be removed, where no row is deleted with it. */
export async function recordRemoval(db: Queries, folder: string): Promise<void> {
  await db.insert(storageRemovals).values({ folder }).onConflictDoNothing()
}

/** Notes that a recorded folder is removed. */
export async function markRemoved(db: Queries, folder: string): Promise<void> {
  await db.update(storageRemovals).set({ removedAt: sql`now()` }).where(eq(storageRemovals.folder, folder))
}

/** Recorded folders that are not removed yet, the oldest first. */
export async function findPendingRemovals(db: Queries, limit: number): Promise<string[]> {
  const rows = await db
    .select({ folder: storageRemovals.folder })
    .from(storageRemovals)
    .where(isNull(storageRemovals.removedAt))
    .orderBy(asc(storageRemovals.createdAt))
    .limit(limit)
  return rows.map(({ folder }) => folder)
}

/** Those of `folders` whose removal is recorded, whether they were removed already or not. */
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
