import { and, asc, eq, gt, inArray, isNull, lt, not, or, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { transcriptions } from '../db/schema.ts'
import { isUnfinished } from '../transcriptions/transcriptions.store.ts'

/** Sorted ids after `after` of transcriptions that finished before `before` and still have their audio. */
export async function findExpired(
  db: Queries,
  { before, after, limit }: { before: Date; after: string | null; limit: number },
): Promise<string[]> {
  // The index is on `completedAt`, which is null in the few rows that finished before that column existed.
  const { completedAt, createdAt } = transcriptions
  const isBefore = or(lt(completedAt, before), and(isNull(completedAt), lt(createdAt, before)))
  const rows = await db
    .select({ id: transcriptions.id })
    .from(transcriptions)
    .where(
      and(
        not(isUnfinished),
        isNull(transcriptions.audioRemovedAt),
        isBefore,
        after === null ? undefined : gt(transcriptions.id, after),
      ),
    )
    .orderBy(asc(transcriptions.id))
    .limit(limit)
  return rows.map(({ id }) => id)
}

export async function markAudioRemoved(db: Queries, id: string): Promise<void> {
  await db.update(transcriptions).set({ audioRemovedAt: sql`now()` }).where(eq(transcriptions.id, id))
}

/**
 * Ids of ephemeral transcriptions that finished so long ago that the request which waited for them has ended.
 */
export async function findOrphanedEphemeral(db: Queries, { before }: { before: Date }): Promise<string[]> {
  const rows = await db
    .select({ id: transcriptions.id })
    .from(transcriptions)
    .where(and(transcriptions.isEphemeral, lt(transcriptions.completedAt, before)))
  return rows.map(({ id }) => id)
}

export async function removeTranscription(db: Queries, id: string): Promise<void> {
  await db.delete(transcriptions).where(eq(transcriptions.id, id))
}

/** Returns those of `ids` that have a transcription. */
export async function findExisting(db: Queries, ids: string[]): Promise<Set<string>> {
  const rows = await db
    .select({ id: transcriptions.id })
    .from(transcriptions)
    .where(inArray(transcriptions.id, ids))
  return new Set(rows.map(({ id }) => id))
}

export async function hasTranscriptions(db: Queries): Promise<boolean> {
  const rows = await db.select({ id: transcriptions.id }).from(transcriptions).limit(1)
  return rows.length > 0
}
