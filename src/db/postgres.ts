import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { connectPostgres } from './connect.ts'
import type { OpenDatabase } from './database.ts'
import { MIGRATIONS } from './migrations.ts'

/** Any number that no other program on the same database takes its advisory lock with. */
const MIGRATION_LOCK = 8_370_221_043

/** Opens a real Postgres and brings it up to date; several processes may start at once. */
export async function openPostgres(place: { url: string; connections?: number }): Promise<OpenDatabase> {
  await migrateUnderLock(place.url)
  return connectPostgres(place)
}

/** On one connection of its own, since an advisory lock belongs to its session. */
async function migrateUnderLock(url: string) {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle({ client, casing: 'snake_case' }), { migrationsFolder: MIGRATIONS })
  } finally {
    await client.end({ timeout: 5 })
  }
}
