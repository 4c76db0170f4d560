import { and, asc, eq, inArray, or, type SQL } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { identities, users } from '../db/schema.ts'

/**
 * Identifies an account by its id, by its subject at an identity provider, or by an email that several
 * accounts may claim.
 */
export type AccountName = { id: string } | { issuer: string; subject: string } | { email: string }

export type Account = Pick<typeof users.$inferSelect, 'id' | 'email' | 'role' | 'createdAt'> & {
  hasPassword: boolean
  identities: Pick<typeof identities.$inferSelect, 'issuer' | 'subject' | 'email'>[]
}

/**
 * Finds accounts, the oldest first. An email matches accounts that registered it, and accounts for which a
 * provider has verified it.
 */
export async function findAccounts(db: Queries, name: AccountName): Promise<Account[]> {
  const rows = await db
    .select()
    .from(users)
    .where(isNamed(db, name))
    .orderBy(asc(users.createdAt), asc(users.id))
  const ids = rows.map(({ id }) => id)
  const linked = await db.select().from(identities).where(inArray(identities.userId, ids))
  return rows.map(({ passwordHash, ...row }) => ({
    ...row,
    hasPassword: passwordHash !== null,
    identities: linked.filter(({ userId }) => userId === row.id),
  }))
}

function isNamed(db: Queries, name: AccountName): SQL | undefined {
  const withIdentity = (condition: SQL | undefined) =>
    inArray(users.id, db.select({ id: identities.userId }).from(identities).where(condition))
  if ('id' in name) return eq(users.id, name.id)
  if ('issuer' in name) {
    return withIdentity(and(eq(identities.issuer, name.issuer), eq(identities.subject, name.subject)))
  }
  return or(eq(users.email, name.email), withIdentity(eq(identities.email, name.email)))
}
