import { eq } from 'drizzle-orm'
import { isUniqueViolation, type Queries } from '../db/database.ts'
import { users } from '../db/schema.ts'

/** The new user's id, or null where the email is taken. */
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

export async function findUserByEmail(db: Queries, email: string) {
  const [row] = await db.select().from(users).where(eq(users.email, email)).limit(1)
  return row ?? null
}

export async function userExists(db: Queries, id: string): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).where(eq(users.id, id)).limit(1)
  return rows.length > 0
}
