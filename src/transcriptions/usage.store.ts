import { and, eq, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { transcriptions, usage } from '../db/schema.ts'

const today = sql`(now() at time zone 'utc')::date`

/** Seconds of audio of a user's that count for today (UTC), and the seconds to its end. */
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
  if (!row) throw new Error('a sum came back without a row')
  return row
}

/** What a transcription counts for: its true length, or, until that is known, the one that its header claims. */
export async function countedSeconds(db: Queries, id: string): Promise<number> {
  const [row] = await db
    .select({ seconds: sql<number>`counted_seconds(${transcriptions})` })
    .from(transcriptions)
    .where(eq(transcriptions.id, id))
  return row?.seconds ?? 0
}
