import { and, eq, gt, inArray, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Database, Queries, Transaction } from '../db/database.ts'
import { refreshTokens, sessions, users } from '../db/schema.ts'

/** A session expires this long after its last refresh. */
const DAYS = 30
const nextExpiry = sql`now() + make_interval(days => ${DAYS})`

/** Opens a session, removes the user's expired ones, and returns the new id. */
export async function insertSession(
  tx: Transaction,
  { userId, refreshHash }: { userId: string; refreshHash: string },
): Promise<string> {
  await tx.delete(sessions).where(and(eq(sessions.userId, userId), lt(sessions.expiresAt, sql`now()`)))
  const [row] = await tx
    .insert(sessions)
    .values({ userId, expiresAt: nextExpiry })
    .returning({ id: sessions.id })
  if (!row) throw new Error('INSERT returned no row')
  await tx.insert(refreshTokens).values({ hash: refreshHash, sessionId: row.id })
  return row.id
}

/** Replaces a refresh token by the next one of its session; null if it is unknown, used or expired. */
export async function rotate(
  tx: Transaction,
  { hash, next }: { hash: string; next: string },
): Promise<{ sessionId: string; userId: string } | null> {
  const [used] = await tx
    .update(refreshTokens)
    .set({ usedAt: sql`now()` })
    .where(and(eq(refreshTokens.hash, hash), isNull(refreshTokens.usedAt)))
    .returning({ sessionId: refreshTokens.sessionId })
  if (!used) return null
  const { sessionId } = used
  const [session] = await tx
    .update(sessions)
    .set({ expiresAt: nextExpiry })
    .where(and(eq(sessions.id, sessionId), gt(sessions.expiresAt, sql`now()`)))
    .returning({ userId: sessions.userId })
  if (!session) return null
  const outlived = lt(refreshTokens.usedAt, sql`now() - make_interval(days => ${DAYS})`)
  await tx.delete(refreshTokens).where(and(eq(refreshTokens.sessionId, sessionId), outlived))
  await tx.insert(refreshTokens).values({ hash: next, sessionId })
  return { sessionId, userId: session.userId }
}

/** For this long, a second use of a refresh token returns its successor instead of ending the session. */
const GRACE_SECONDS = 10

/** A refresh token of an unexpired session. `recent`: it was used within the grace period. */
export async function findRefreshToken(
  db: Queries,
  hash: string,
): Promise<{ sessionId: string; userId: string; use: 'unused' | 'recent' | 'used' } | null> {
  const isRecent = sql`${refreshTokens.usedAt} > now() - make_interval(secs => ${GRACE_SECONDS})`
  const [row] = await db
    .select({
      sessionId: sessions.id,
      userId: sessions.userId,
      use: sql<
        'unused' | 'recent' | 'used'
      >`case when ${refreshTokens.usedAt} is null then 'unused' when ${isRecent} then 'recent' else 'used' end`,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .where(and(eq(refreshTokens.hash, hash), gt(sessions.expiresAt, sql`now()`)))
  return row ?? null
}

/**
 * Ends the session of a refresh token; with `onlyUsed` only if the token was used before. False if no session
 * ended.
 */
export async function endSessionOf(
  db: Queries,
  { hash, onlyUsed = false }: { hash: string; onlyUsed?: boolean },
): Promise<boolean> {
  const sessionId = db
    .select({ id: refreshTokens.sessionId })
    .from(refreshTokens)
    .where(and(eq(refreshTokens.hash, hash), onlyUsed ? isNotNull(refreshTokens.usedAt) : undefined))
  const rows = await db.delete(sessions).where(inArray(sessions.id, sessionId)).returning({ id: sessions.id })
  return rows.length > 0
}

/** Ends a user's sessions, except one. */
export async function endSessions(
  db: Queries,
  { userId, except }: { userId: string; except: string | null },
): Promise<void> {
  await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), except === null ? undefined : ne(sessions.id, except)))
}

/**
 * Prepares the statement once for all requests. It returns a null `sessionId` if the user has no such
 * session.
 */
export function prepareFindCaller(db: Database) {
  const statement = db
    .select({ userId: users.id, role: users.role, sessionId: sessions.id })
    .from(users)
    .leftJoin(sessions, and(eq(sessions.userId, users.id), eq(sessions.id, sql.placeholder('sessionId'))))
    .where(eq(users.id, sql.placeholder('userId')))
    .prepare('find_caller')
  return async (ids: { userId: string; sessionId: string | null }) =>
    (await statement.execute(ids))[0] ?? null
}
