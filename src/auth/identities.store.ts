import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { identities, users } from '../db/schema.ts'

type Identity = { issuer: string; subject: string; email: string | null }

/** Prepares the statement once for all requests. */
export function prepareFindIdentity(db: Database) {
  const statement = db
    .select({ userId: users.id, role: users.role, email: identities.email })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(
      and(
        eq(identities.issuer, sql.placeholder('issuer')),
        eq(identities.subject, sql.placeholder('subject')),
      ),
    )
    .prepare('find_identity')
  return async ({ issuer, subject }: Identity) => (await statement.execute({ issuer, subject }))[0] ?? null
}

/**
 * Creates the user of a new identity; concurrent calls create one user. If an account already has the email,
 * the new user gets none: the person who can read mail at that address need not own that account.
 */
export async function insertIdentity(db: Database, { issuer, subject, email }: Identity): Promise<void> {
  await db.transaction(async (tx) => {
    const insert = async (email: string | null) =>
      (await tx.insert(users).values({ email }).onConflictDoNothing().returning({ id: users.id }))[0]
    const user = (await insert(email)) ?? (await insert(null))
    if (!user) throw new Error('INSERT returned no row')
    const rows = await tx
      .insert(identities)
      .values({ issuer, subject, userId: user.id, email })
      .onConflictDoNothing()
      .returning({ userId: identities.userId })
    if (rows.length === 0) await tx.delete(users).where(eq(users.id, user.id))
  })
}

/** Call it when the provider has verified another address. */
export async function setIdentityEmail(db: Database, { issuer, subject, email }: Identity): Promise<void> {
  await db
    .update(identities)
    .set({ email })
    .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
}
