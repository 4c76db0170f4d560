import { and, asc, count, eq, gt, inArray, lt, lte, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { installation, storageOrphans } from '../db/schema.ts'

export type Orphan = { folder: string; reason: string | null }

/** Returns those of `folders` that an earlier sweep has recorded. */
export async function findSeenOrphans(db: Queries, folders: string[]): Promise<Set<string>> {
  if (folders.length === 0) return new Set()
  const rows = await db
    .select({ folder: storageOrphans.folder })
    .from(storageOrphans)
    .where(inArray(storageOrphans.folder, folders))
  return new Set(rows.map(({ folder }) => folder))
}

/** Records orphans that are in the storage now. The time of the first record stays. */
export async function recordOrphans(db: Queries, orphans: Orphan[]): Promise<void> {
  if (orphans.length === 0) return
  await db
    .insert(storageOrphans)
    .values(orphans)
    .onConflictDoUpdate({ target: storageOrphans.folder, set: { lastSeenAt: sql`now()` } })
}

/** The database's clock, to compare with `lastSeenAt`, which `recordOrphans` writes. */
export async function readDatabaseTime(db: Queries): Promise<Date> {
  const [row] = await db
    .select({ milliseconds: sql<number>`floor(extract(epoch from now()) * 1000)::float8` })
    .from(sql`(select) as nothing`)
  if (!row) throw new Error('the database returned no time')
  return new Date(row.milliseconds)
}

/**
 * Deletes the records of orphans that were last seen before `before`: they are removed or have a row again.
 */
export async function deleteVanishedOrphans(db: Queries, before: Date): Promise<void> {
  await db.delete(storageOrphans).where(lt(storageOrphans.lastSeenAt, before))
}

export async function deleteOrphan(db: Queries, folder: string): Promise<void> {
  await db.delete(storageOrphans).where(eq(storageOrphans.folder, folder))
}

export async function countOrphans(db: Queries): Promise<number> {
  const [row] = await db.select({ count: count() }).from(storageOrphans)
  return row?.count ?? 0
}

/** Orphans that were first seen `days` ago or earlier, sorted by name, after the name `after`. */
export async function findOldOrphans(
  db: Queries,
  { days, after, limit }: { days: number; after: string; limit: number },
): Promise<string[]> {
  const { folder, firstSeenAt } = storageOrphans
  const rows = await db
    .select({ folder })
    .from(storageOrphans)
    .where(and(lte(firstSeenAt, sql`now() - make_interval(days => ${days})`), gt(folder, after)))
    .orderBy(asc(folder))
    .limit(limit)
  return rows.map(({ folder }) => folder)
}

/** The state of the storage sweep, for metrics. */
export async function storageSweepState(db: Queries): Promise<{ orphans: number; isStopped: boolean }> {
  const [row] = await db.select({ sweepStopped: installation.sweepStopped }).from(installation)
  return { orphans: await countOrphans(db), isStopped: Boolean(row?.sweepStopped) }
}
