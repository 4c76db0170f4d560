import { and, eq, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { transcriptions, usage } from '../db/schema.ts'

const today = sql`(now() at time zone 'utc')::date`

/** A user's seconds of audio that count towards today (UTC), and the seconds until the day ends. */
export async function usedToday(
  db: Queries,
  userId: string,
): Promise<{ audioSeconds: number; secondsLeft: number }> {
  const [row] = await db
    .select({
      audioSeconds: sql<number>`coalesce(sum(${usage.audioSeconds}), 0)::float8`,
      secondsLeft: sql<number>`ceil(extract(epoch from (${today} + 1)::timestamp - now() at time zone 'utc'))::int`,
    })
    .from(usage)
    .where(and(eq(usage.userId, userId), eq(usage.day, today)))
  if (!row) throw new Error('an aggregate query returned no row')
  return row
}

/**
 * The seconds of audio that count towards the day (UTC) on which a transcription was uploaded, of all its
 * user's uploads.
 */
export async function usedOnDayOf(db: Queries, transcriptionId: string): Promise<number> {
  const [row] = await db
    .select({ audioSeconds: usage.audioSeconds })
    .from(transcriptions)
    .innerJoin(usage, eq(usage.userId, transcriptions.userId))
    .where(
      and(
        eq(transcriptions.id, transcriptionId),
        eq(usage.day, sql`(${transcriptions.createdAt} at time zone 'utc')::date`),
      ),
    )
  return row?.audioSeconds ?? 0
}

/**
 * The seconds that a transcription counts: its true length or, until that is known, the larger of claimed and
 * decoded length.
 */
export async function countedSeconds(db: Queries, id: string): Promise<number> {
  const [row] = await db
    .select({ seconds: sql<number>`counted_seconds(${transcriptions})` })
    .from(transcriptions)
    .where(eq(transcriptions.id, id))
  return row?.seconds ?? 0
}
