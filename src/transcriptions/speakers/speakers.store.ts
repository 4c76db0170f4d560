import { and, eq } from 'drizzle-orm'
import type { StoredSpeaker } from '../../db/columns.ts'
import type { Transaction } from '../../db/database.ts'
import { transcriptions } from '../../db/schema.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** Locks a user's transcription until `tx` ends. Null if there is none. */
export async function lockOwned(
  tx: Transaction,
  { id, userId }: { id: string; userId: string },
): Promise<Transcription | null> {
  const [row] = await tx
    .select()
    .from(transcriptions)
    .where(and(eq(transcriptions.id, id), eq(transcriptions.userId, userId)))
    .for('no key update')
  return row ?? null
}

/** Writes the speakers of a transcription, and its text, whose lines are their turns. */
export async function setSpeakers(
  tx: Transaction,
  { id, speakers, text }: { id: string; speakers: StoredSpeaker[]; text: string },
): Promise<void> {
  await tx.update(transcriptions).set({ speakers, text }).where(eq(transcriptions.id, id))
}
