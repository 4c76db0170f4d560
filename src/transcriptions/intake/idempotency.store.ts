import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../../db/database.ts'
import { idempotencyKeys } from '../../db/schema.ts'

export type KeyHold = { userId: string; key: string; holder: string }

const ago = (seconds: number): SQL => sql`now() - ${seconds} * interval '1 second'`

const held = ({ userId, key, holder }: KeyHold) =>
  and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key), eq(idempotencyKeys.holder, holder))

/**
 * Takes a key that nobody has used for `keptSeconds`, or whose holder has not been heard of for `silentSeconds` before it
 * was answered. False where it is taken.
 */
export async function holdKey(
  db: Queries,
  { keptSeconds, silentSeconds, ...hold }: KeyHold & { keptSeconds: number; silentSeconds: number },
): Promise<boolean> {
  const fresh = { holder: hold.holder, heldAt: sql`now()`, createdAt: sql`now()` }
  const rows = await db
    .insert(idempotencyKeys)
    .values(hold)
    .onConflictDoUpdate({
      target: [idempotencyKeys.userId, idempotencyKeys.key],
      set: { ...fresh, fingerprint: null, transcriptionId: null },
      setWhere: sql`case when ${idempotencyKeys.transcriptionId} is null
        then ${idempotencyKeys.heldAt} < ${ago(silentSeconds)}
        else ${idempotencyKeys.createdAt} < ${ago(keptSeconds)} end`,
    })
    .returning({ holder: idempotencyKeys.holder })
  return rows.length > 0
}

/** What a key was answered with; null where it was not. */
export async function answeredWith(db: Queries, { userId, key }: { userId: string; key: string }) {
  const [row] = await db
    .select({ transcriptionId: idempotencyKeys.transcriptionId, fingerprint: idempotencyKeys.fingerprint })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key)))
  return row?.transcriptionId ? { transcriptionId: row.transcriptionId, fingerprint: row.fingerprint } : null
}

export async function keepHolding(db: Queries, hold: KeyHold): Promise<void> {
  await db.update(idempotencyKeys).set({ heldAt: sql`now()` }).where(held(hold))
}

/** Writes the answer down. False where the key is no longer held. */
export async function answerKey(
  tx: Transaction,
  { transcriptionId, fingerprint, ...hold }: KeyHold & { transcriptionId: string; fingerprint: string },
): Promise<boolean> {
  const rows = await tx
    .update(idempotencyKeys)
    .set({ transcriptionId, fingerprint })
    .where(held(hold))
    .returning({ key: idempotencyKeys.key })
  return rows.length > 0
}

/** Whether a key is in use, and for which transcription; null if it is free. */
export async function findKey(db: Queries, { userId, key }: { userId: string; key: string }) {
  const [row] = await db
    .select({ transcriptionId: idempotencyKeys.transcriptionId })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key)))
  return row ?? null
}

/** Writes the answer of a key whose row was lost. */
export async function answerAgain(
  tx: Transaction,
  answer: { userId: string; key: string; transcriptionId: string; fingerprint: string },
): Promise<void> {
  await tx.insert(idempotencyKeys).values({ ...answer, holder: answer.transcriptionId })
}

/** Gives a key back that was not answered. */
export async function releaseKey(db: Queries, hold: KeyHold): Promise<void> {
  await db.delete(idempotencyKeys).where(and(held(hold), sql`${idempotencyKeys.transcriptionId} is null`))
}

/** Forgets keys of that age; gives their number. */
export async function forgetKeys(db: Queries, { keptSeconds }: { keptSeconds: number }): Promise<number> {
  const rows = await db
    .delete(idempotencyKeys)
    .where(and(lt(idempotencyKeys.createdAt, ago(keptSeconds)), lt(idempotencyKeys.heldAt, ago(keptSeconds))))
    .returning({ key: idempotencyKeys.key })
  return rows.length
}
