import { and, asc, count, eq, isNull, lt, or, sql } from 'drizzle-orm'
import type { Database, Queries } from '../db/database.ts'
import { apiKeys } from '../db/schema.ts'

export type ApiKey = typeof apiKeys.$inferSelect
export type KeyScope = ApiKey['scopes'][number]

export async function insertKey(
  db: Queries,
  key: { userId: string; name: string; hash: string; hint: string; scopes: KeyScope[] },
): Promise<ApiKey> {
  const [row] = await db.insert(apiKeys).values(key).returning()
  if (!row) throw new Error('INSERT returned no row')
  return row
}

/** The API keys of a user, the oldest first. */
export async function listKeys(db: Queries, userId: string): Promise<ApiKey[]> {
  return db.select().from(apiKeys).where(eq(apiKeys.userId, userId)).orderBy(asc(apiKeys.createdAt))
}

export async function countKeys(db: Queries, userId: string): Promise<number> {
  const [row] = await db.select({ count: count() }).from(apiKeys).where(eq(apiKeys.userId, userId))
  return row?.count ?? 0
}

/** False if the user has no API key with this id. */
export async function removeKey(
  db: Queries,
  { id, userId }: { id: string; userId: string },
): Promise<boolean> {
  const rows = await db
    .delete(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.userId, userId)))
    .returning({ id: apiKeys.id })
  return rows.length > 0
}

/** Prepares the statement once for all requests. */
export function prepareFindKey(db: Database) {
  const statement = db
    .select({
      id: apiKeys.id,
      userId: apiKeys.userId,
      scopes: apiKeys.scopes,
      lastUsedAt: apiKeys.lastUsedAt,
    })
    .from(apiKeys)
    .where(eq(apiKeys.hash, sql.placeholder('hash')))
    .prepare('find_key')
  return async (hash: string) => (await statement.execute({ hash }))[0] ?? null
}

/** Writes `last_used_at`, at most once a minute. */
export async function markKeyUsed(db: Queries, id: string): Promise<void> {
  const isOld = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, sql`now() - interval '1 minute'`))
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`now()` })
    .where(and(eq(apiKeys.id, id), isOld))
}
