import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { connectPostgres } from './connect.ts'
import type { OpenDatabase } from './database.ts'
import { MIGRATIONS, requireSameOrigin } from './migrations.ts'
import * as schema from './schema.ts'

/** Key of the advisory lock. Arbitrary: no other program on the same database may use it. */
const MIGRATION_LOCK = 8_370_221_043

const NEW_DATABASE =
  'set DATABASE_URL to an empty database, and STORAGE_URL (or, without it, DATA_DIR) to an empty storage'

/** Migrates and opens a Postgres. Several processes may start at once. Throws `StartError`. */
export async function openPostgres(options: { url: string; connections?: number }): Promise<OpenDatabase> {
  await migrateUnderLock(options.url)
  return connectPostgres(options)
}

/** Uses one separate connection, since an advisory lock belongs to a session. */
async function migrateUnderLock(url: string) {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`
    const db = drizzle({ client, schema, casing: 'snake_case' })
    await requireSameOrigin(db, { cure: NEW_DATABASE })
    await migrate(db, { migrationsFolder: MIGRATIONS })
  } finally {
    await client.end({ timeout: 5 })
  }
}
