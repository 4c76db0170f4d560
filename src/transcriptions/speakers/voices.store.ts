import { and, asc, count, eq } from 'drizzle-orm'
import type { Queries, Transaction } from '../../db/database.ts'
import { voices } from '../../db/schema.ts'

export type Voice = typeof voices.$inferSelect

export async function listVoices(db: Queries, userId: string): Promise<Voice[]> {
  return db
    .select()
    .from(voices)
    .where(eq(voices.userId, userId))
    .orderBy(asc(voices.createdAt), asc(voices.id))
}

export async function countVoices(db: Queries, userId: string): Promise<number> {
  const [row] = await db.select({ count: count() }).from(voices).where(eq(voices.userId, userId))
  return row?.count ?? 0
}

/** Null if the user has a voice of that name. */
export async function insertVoice(
  tx: Transaction,
  voice: Pick<Voice, 'userId' | 'name' | 'seconds' | 'embedding'>,
): Promise<Voice | null> {
  const [row] = await tx.insert(voices).values(voice).onConflictDoNothing().returning()
  return row ?? null
}

/** Deletes a user's voice. False if there is none. */
export async function removeVoice(
  db: Queries,
  { id, userId }: { id: string; userId: string },
): Promise<boolean> {
  const rows = await db
    .delete(voices)
    .where(and(eq(voices.id, id), eq(voices.userId, userId)))
    .returning({ id: voices.id })
  return rows.length > 0
}
