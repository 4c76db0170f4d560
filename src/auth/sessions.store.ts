import { and, eq, gt, inArray, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm'
import type { Database, Queries, Transaction } from '../db/database.ts'
import { refreshTokens, sessions, users } from '../db/schema.ts'

/** A session lasts as long after its last refresh. */
const DAYS = 30
const later = sql`now() + make_interval(days => ${DAYS})`

/** Opens a session, and drops those of the user that have expired. Gives its id. */
export async function insertSession(
  tx: Transaction,
  { userId, refreshHash }: { userId: string; refreshHash: string },
): Promise<string> {
  await tx.delete(sessions).where(and(eq(sessions.userId, userId), lt(sessions.expiresAt, sql`now()`)))
  const [row] = await tx.insert(sessions).values({ userId, expiresAt: later }).returning({ id: sessions.id })
  if (!row) throw new Error('a row was inserted, and none came back')
  await tx.insert(refreshTokens).values({ hash: refreshHash, sessionId: row.id })
  return row.id
}

/** Takes a refresh token for a new one of the same session; null where it is unknown, used, or too old. */
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
    .set({ expiresAt: later })
    .where(and(eq(sessions.id, sessionId), gt(sessions.expiresAt, sql`now()`)))
    .returning({ userId: sessions.userId })
  if (!session) return null
  const outlived = lt(refreshTokens.usedAt, sql`now() - make_interval(days => ${DAYS})`)
  await tx.delete(refreshTokens).where(and(eq(refreshTokens.sessionId, sessionId), outlived))
  await tx.insert(refreshTokens).values({ hash: next, sessionId })
  return { sessionId, userId: session.userId }
}

/** How long a refresh token that was used is answered with its successor instead of ending the session. */
const GRACE_SECONDS = 10

/** A refresh token of a session that has not expired: not used yet, used within the grace period, or before it. */
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

/** Ends the session that a refresh token is of, with all its tokens; with `onlyUsed` if the token was used before. False where there is none. */
export async function endSessionOf(
  db: Queries,
  { hash, onlyUsed = false }: { hash: string; onlyUsed?: boolean },
): Promise<boolean> {
  const named = db
    .select({ id: refreshTokens.sessionId })
    .from(refreshTokens)
    .where(and(eq(refreshTokens.hash, hash), onlyUsed ? isNotNull(refreshTokens.usedAt) : undefined))
  const rows = await db.delete(sessions).where(inArray(sessions.id, named)).returning({ id: sessions.id })
  return rows.length > 0
}

/** Ends a user's sessions but one. */
export async function endSessions(
  db: Queries,
  { userId, except }: { userId: string; except: string | null },
): Promise<void> {
  await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), except === null ? undefined : ne(sessions.id, except)))
}

/** A statement prepared once, for every request. `sessionId`: null where the user has no such session. */
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
