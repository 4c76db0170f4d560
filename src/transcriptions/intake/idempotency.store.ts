import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../../db/database.ts'
import { idempotencyKeys } from '../../db/schema.ts'

export type HeldKey = { userId: string; key: string; holder: string }

const ago = (seconds: number): SQL => sql`now() - ${seconds} * interval '1 second'`

const isHeld = ({ userId, key, holder }: HeldKey) =>
  and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key), eq(idempotencyKeys.holder, holder))

/**
 * Holds a key that is new, that was answered more than `keptSeconds` ago, or that has no answer and was not
 * renewed for `silentSeconds`. False if the key is in use.
 */
export async function holdKey(
  db: Queries,
  { keptSeconds, silentSeconds, ...hold }: HeldKey & { keptSeconds: number; silentSeconds: number },
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

/** A key's answer; null if it has none. */
export async function findAnswer(db: Queries, { userId, key }: { userId: string; key: string }) {
  const [row] = await db
    .select({ transcriptionId: idempotencyKeys.transcriptionId, fingerprint: idempotencyKeys.fingerprint })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key)))
  return row?.transcriptionId ? { transcriptionId: row.transcriptionId, fingerprint: row.fingerprint } : null
}

export async function renewKey(db: Queries, hold: HeldKey): Promise<void> {
  await db.update(idempotencyKeys).set({ heldAt: sql`now()` }).where(isHeld(hold))
}

/** Writes a key's answer. False if this holder lost the key. */
export async function answerKey(
  tx: Transaction,
  { transcriptionId, fingerprint, ...hold }: HeldKey & { transcriptionId: string; fingerprint: string },
): Promise<boolean> {
  const rows = await tx
    .update(idempotencyKeys)
    .set({ transcriptionId, fingerprint })
    .where(isHeld(hold))
    .returning({ key: idempotencyKeys.key })
  return rows.length > 0
}

/** A key in use, with the transcription of its answer; null if the key is free. */
export async function findKey(db: Queries, { userId, key }: { userId: string; key: string }) {
  const [row] = await db
    .select({ transcriptionId: idempotencyKeys.transcriptionId })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key)))
  return row ?? null
}

/** Inserts the answer of a key whose row was lost. */
export async function restoreAnswer(
  tx: Transaction,
  answer: { userId: string; key: string; transcriptionId: string; fingerprint: string },
): Promise<void> {
  await tx.insert(idempotencyKeys).values({ ...answer, holder: answer.transcriptionId })
}

/** Deletes a held key that has no answer. */
export async function releaseKey(db: Queries, hold: HeldKey): Promise<void> {
  await db.delete(idempotencyKeys).where(and(isHeld(hold), sql`${idempotencyKeys.transcriptionId} is null`))
}

/** Deletes the keys of that age; returns their number. */
export async function forgetKeys(db: Queries, { keptSeconds }: { keptSeconds: number }): Promise<number> {
  const rows = await db
    .delete(idempotencyKeys)
    .where(and(lt(idempotencyKeys.createdAt, ago(keptSeconds)), lt(idempotencyKeys.heldAt, ago(keptSeconds))))
    .returning({ key: idempotencyKeys.key })
  return rows.length
}
