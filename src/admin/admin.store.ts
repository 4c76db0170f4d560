import { and, asc, count, desc, eq, gte, inArray, lte, type SQL, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { transcriptions, usage, users } from '../db/schema.ts'

type User = typeof users.$inferSelect

/** Days such as `2026-01-31`, both inclusive. */
type Days = { from: string; to: string }

const sums = {
  transcriptions: sql<number>`coalesce(sum(${usage.transcriptions}), 0)::int`,
  audioSeconds: sql<number>`coalesce(sum(${usage.audioSeconds}), 0)::float8`,
}

const within = ({ from, to }: Days) => and(gte(usage.day, from), lte(usage.day, to))

/**
 * Lists users in the order of their creation, after the user with the id `after`. `email` restricts the list
 * to one user.
 */
export async function listUsers(
  db: Queries,
  { after, email, limit }: { after: string | undefined; email: string | undefined; limit: number },
): Promise<User[]> {
  const isAfter = (id: string): SQL =>
    sql`(${users.createdAt}, ${users.id}) > (select created_at, id from users where id = ${id})`
  return db
    .select()
    .from(users)
    .where(
      and(
        after === undefined ? undefined : isAfter(after),
        email === undefined ? undefined : eq(users.email, email),
      ),
    )
    .orderBy(asc(users.createdAt), asc(users.id))
    .limit(limit)
}

/** Counts the open transcriptions of each user, and sums their usage. A user without any has no row. */
export async function activityOf(db: Queries, userIds: string[]) {
  const open = await db
    .select({ userId: transcriptions.userId, open: count() })
    .from(transcriptions)
    .where(
      and(inArray(transcriptions.userId, userIds), inArray(transcriptions.status, ['queued', 'processing'])),
    )
    .groupBy(transcriptions.userId)
  const used = await db
    .select({ userId: usage.userId, ...sums })
    .from(usage)
    .where(inArray(usage.userId, userIds))
    .groupBy(usage.userId)
  return { open, used }
}

export async function updateUser(
  db: Queries,
  { id, ...changed }: { id: string; role?: User['role']; priority?: number },
): Promise<User | null> {
  const [row] = await db.update(users).set(changed).where(eq(users.id, id)).returning()
  return row ?? null
}

/** Sums the usage of all users by day, the latest day first. */
export async function usageByDay(db: Queries, days: Days) {
  return db
    .select({ day: usage.day, users: count(), ...sums })
    .from(usage)
    .where(within(days))
    .groupBy(usage.day)
    .orderBy(desc(usage.day))
}

/** Sums the usage of each user, the user with the most audio first. */
export async function usageByUser(db: Queries, { limit, ...days }: Days & { limit: number }) {
  return db
    .select({ userId: usage.userId, email: users.email, ...sums })
    .from(usage)
    .innerJoin(users, eq(users.id, usage.userId))
    .where(within(days))
    .groupBy(usage.userId, users.email)
    .orderBy(desc(sums.audioSeconds), asc(usage.userId))
    .limit(limit)
}
