import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { StartError } from '../errors.ts'
import type { Database } from './database.ts'

/** The folder of SQL files that both drivers apply at start. */
export const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Throws `StartError` if a database's tables were created by other migrations than these. Drizzle's migrator
 * compares only the times of the latest migrations: it would skip migrations, or fail on a table that exists.
 * A database that a later version migrated begins with the same migration, and passes. `cure` is what the
 * operator should do.
 */
export async function requireSameOrigin(db: Pick<Database, 'select'>, { cure }: { cure: string }) {
  const table = sql`drizzle.__drizzle_migrations`
  const isMigrated = sql<boolean>`to_regclass('drizzle.__drizzle_migrations') is not null`
  const [database] = await db.select({ isMigrated }).from(sql`(select) as nothing`)
  if (!database?.isMigrated) return
  const createdAt = sql<unknown>`created_at`
  const [first] = await db.select({ createdAt }).from(table).orderBy(sql`id`).limit(1)
  const [own] = readMigrationFiles({ migrationsFolder: MIGRATIONS })
  if (first === undefined || Number(first.createdAt) === own?.folderMillis) return
  const problem = "The database was created by other migrations than this version's"
  throw new StartError(`${problem} (by a Verbatim from before its first release?): ${cure}`)
}
