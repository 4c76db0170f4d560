import { and, count, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { Queries } from '../db/database.ts'
import { heardLanguage, terms, transcriptions } from '../db/schema.ts'
import type { Transcription } from './transcriptions.store.ts'

/** A place in a list: behind the row of that time (UTC, to the microsecond) and id. */
export type Place = { time: string; id: string }

export type Asked = {
  userId: string
  after: Place | null
  limit: number
  status?: Transcription['status']
  language?: string
  /** From the one on, and before the other. */
  createdFrom?: Date
  createdTo?: Date
  /** Words of file name or text. */
  words?: string
}

const EXCERPT_LETTERS = 200

/**
 * A user's transcriptions, the latest first. Each way to ask is one range of an index, read backwards; words are found by
 * their own index and then sorted, or looked for from the latest on, as Postgres finds cheaper by how common they are.
 */
export async function listOwned(db: Queries, asked: Asked) {
  const { userId, after, limit, status, language, createdFrom, createdTo, words } = asked
  // The columns that are sorted by and those that filter stand in one table, so that one index serves both.
  const by =
    words === undefined
      ? { userId: transcriptions.userId, time: transcriptions.createdAt, id: transcriptions.id }
      : { userId: terms.userId, time: terms.createdAt, id: terms.transcriptionId }
  const rows = db
    .select({
      id: transcriptions.id,
      status: transcriptions.status,
      language: transcriptions.language,
      detectedLanguage: transcriptions.detectedLanguage,
      task: transcriptions.task,
      filename: transcriptions.filename,
      audioBytes: transcriptions.audioBytes,
      totalSamples: transcriptions.totalSamples,
      workSamples: transcriptions.workSamples,
      claimedSeconds: transcriptions.claimedSeconds,
      partStart: transcriptions.partStart,
      partEnd: transcriptions.partEnd,
      channels: transcriptions.channels,
      audioChannels: transcriptions.audioChannels,
      doneSamples: transcriptions.doneSamples,
      errorCode: transcriptions.errorCode,
      errorMessage: transcriptions.errorMessage,
      createdAt: transcriptions.createdAt,
      completedAt: transcriptions.completedAt,
      excerpt: sql<string | null>`left(${transcriptions.text}, ${EXCERPT_LETTERS})`,
      time: sql<string>`to_char(${by.time} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    })
    .from(transcriptions)
    .$dynamic()
  if (words !== undefined) rows.innerJoin(terms, eq(terms.transcriptionId, transcriptions.id))
  return rows
    .where(
      and(
        eq(by.userId, userId),
        after === null
          ? undefined
          : sql`(${by.time}, ${by.id}) < (${after.time}::timestamptz, ${after.id}::uuid)`,
        createdFrom && gte(by.time, createdFrom),
        createdTo && lt(by.time, createdTo),
        status && eq(transcriptions.status, status),
        language === undefined ? undefined : eq(heardLanguage(transcriptions), language),
        words === undefined ? undefined : found(words),
      ),
    )
    .orderBy(desc(by.time), desc(by.id))
    .limit(limit)
}

// Postgres takes no NUL in a text.
const found = (words: string): SQL => sql`${terms.words} @@ search_for(${words.replaceAll('\0', ' ')})`

/** How many of a user's transcriptions are in each status that there is one in. */
export async function countByStatus(db: Queries, userId: string) {
  return db
    .select({ status: transcriptions.status, count: count() })
    .from(transcriptions)
    .where(eq(transcriptions.userId, userId))
    .groupBy(transcriptions.status)
}
