import { eq, sql } from 'drizzle-orm'
import { type Database, isUniqueViolation, type Queries, type Transaction } from '../db/database.ts'
import { users } from '../db/schema.ts'
import { VerbatimError } from '../errors.ts'

export type User = typeof users.$inferSelect

/** The new user's id; null if the email is taken. */
export async function insertUser(
  db: Queries,
  user: { email: string; passwordHash: string },
): Promise<string | null> {
  try {
    const [row] = await db.insert(users).values(user).returning({ id: users.id })
    return row?.id ?? null
  } catch (error) {
    if (isUniqueViolation(error, 'users_email_unique')) return null
    throw error
  }
}

/** An arbitrary key for the advisory lock; other programs on the same database must not use it. */
const FIRST_USER_LOCK = 8_370_221_044

export async function hasUsers(db: Queries): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).limit(1)
  return rows.length > 0
}

/** Inserts the first user, an administrator; null if a user exists. Of concurrent calls one succeeds. */
export async function insertFirstUser(
  tx: Transaction,
  user: { email: string; passwordHash: string },
): Promise<string | null> {
  await tx.select({ held: sql`1` }).from(sql`pg_advisory_xact_lock(${FIRST_USER_LOCK})`)
  if (await hasUsers(tx)) return null
  const [row] = await tx
    .insert(users)
    .values({ ...user, role: 'admin' })
    .onConflictDoNothing()
    .returning({ id: users.id })
  return row?.id ?? null
}

export async function findUser(db: Queries, id: string): Promise<User | null> {
  const [row] = await db.select().from(users).where(eq(users.id, id))
  return row ?? null
}

export async function findUserByEmail(db: Queries, email: string): Promise<User | null> {
  const [row] = await db.select().from(users).where(eq(users.email, email)).limit(1)
  return row ?? null
}

export async function setPasswordHash(
  db: Queries,
  { id, passwordHash }: Pick<User, 'id'> & { passwordHash: string },
) {
  await db.update(users).set({ passwordHash }).where(eq(users.id, id))
}

/** Foreign keys cascade to every row of the user. */
export async function removeUser(db: Queries, id: string) {
  await db.delete(users).where(eq(users.id, id))
}

/**
 * Locks the user's row until the transaction ends: `key share` prevents its removal, `no key update` also
 * excludes other `no key update` locks, and `update` excludes every lock. False if the user does not exist.
 */
export async function holdUser(
  tx: Queries,
  { id, strength }: { id: string; strength: 'key share' | 'no key update' | 'update' },
): Promise<boolean> {
  const rows = await tx.select({ id: users.id }).from(users).where(eq(users.id, id)).for(strength)
  return rows.length > 0
}

/**
 * Runs `work` in a transaction that locks the user's row. Every limit on what a user may have is checked
 * under this lock: transactions that count and then insert run one after another, so each counts the rows of
 * the one before it. Throws `unauthorized` if the account is gone.
 */
export async function withUserLock<T>(
  db: Database,
  userId: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    if (!(await holdUser(tx, { id: userId, strength: 'no key update' }))) throw accountGone()
    return work(tx)
  })
}

export function accountGone() {
  return new VerbatimError('unauthorized', 'The account of this access token no longer exists')
}
