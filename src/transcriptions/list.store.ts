import { and, count, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import type { Queries } from '../db/database.ts'
import { detectedLanguageColumn, terms, transcriptions } from '../db/schema.ts'
import type { Transcription } from './transcriptions.store.ts'

/** A place in a list: behind the row of that time (UTC, to the microsecond) and id. */
export type Cursor = { time: string; id: string }

export type ListFilter = {
  userId: string
  after: Cursor | null
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

/** Looking through so many takes milliseconds. What is too rare to fill a page from them, the index of words finds soon. */
const LATEST = 5_000
const ALL = 2 ** 31 - 1

/** A user's transcriptions, the latest first. Each way to ask is one range of an index, read backwards. */
export async function listOwned(db: Queries, asked: ListFilter) {
  const { words, ...other } = asked
  if (words !== undefined) return search(db, { ...other, words })
  const by = { userId: transcriptions.userId, time: transcriptions.createdAt, id: transcriptions.id }
  return db
    .select(columns(by.time))
    .from(transcriptions)
    .where(and(within(by, asked), narrowed(asked)))
    .orderBy(desc(by.time), desc(by.id))
    .limit(asked.limit)
}

/**
 * Common words are found among the latest, and rare ones by the index of words. Postgres is not left the choice: it cannot
 * guess how common the beginning of a word is.
 */
async function search(db: Queries, asked: ListFilter & { words: string }) {
  // Postgres takes no NUL in a text.
  const query = sql`search_for(${asked.words.replaceAll('\0', ' ')})`
  const by = { userId: terms.userId, time: terms.createdAt, id: terms.transcriptionId }
  const fields = { id: terms.transcriptionId, time: terms.createdAt, words: terms.words }
  const order = [desc(by.time), desc(by.id)]
  const latest = db
    .select(fields)
    .from(terms)
    .where(within(by, asked))
    .orderBy(...order)
    .limit(LATEST)
  const found = await matching(latest.as('found'))
  if (found.length === asked.limit) return found
  const all = db
    .select(fields)
    .from(terms)
    .where(and(within(by, asked), sql`${terms.words} @@ ${query}`))
  // The limit keeps the choice of rows apart from their order.
  return matching(all.limit(ALL).as('found'))

  function matching(among: ReturnType<typeof latest.as<'found'>>) {
    return db
      .select(columns(among.time))
      .from(among)
      .innerJoin(transcriptions, eq(transcriptions.id, among.id))
      .where(and(sql`${among.words} @@ ${query}`, narrowed(asked)))
      .orderBy(desc(among.time), desc(among.id))
      .limit(asked.limit)
  }
}

function within(by: { userId: AnyPgColumn; time: AnyPgColumn; id: AnyPgColumn }, asked: ListFilter) {
  const { userId, after, createdFrom, createdTo } = asked
  const behind = after && sql`(${by.time}, ${by.id}) < (${after.time}::timestamptz, ${after.id}::uuid)`
  return and(
    eq(by.userId, userId),
    behind ?? undefined,
    createdFrom && gte(by.time, createdFrom),
    createdTo && lt(by.time, createdTo),
  )
}

function narrowed({ status, language }: ListFilter) {
  return and(
    status && eq(transcriptions.status, status),
    language === undefined ? undefined : eq(detectedLanguageColumn(transcriptions), language),
  )
}

function columns(time: AnyPgColumn) {
  return {
    id: transcriptions.id,
    status: transcriptions.status,
    language: transcriptions.language,
    detectedLanguage: transcriptions.detectedLanguage,
    task: transcriptions.task,
    filename: transcriptions.filename,
    audioBytes: transcriptions.audioBytes,
    totalSamples: transcriptions.totalSamples,
    workSeconds: transcriptions.workSeconds,
    doneSamples: transcriptions.doneSamples,
    errorCode: transcriptions.errorCode,
    errorMessage: transcriptions.errorMessage,
    createdAt: transcriptions.createdAt,
    completedAt: transcriptions.completedAt,
    excerpt: sql<string | null>`left(${transcriptions.text}, ${EXCERPT_LETTERS})`,
    time: sql<string>`to_char(${time} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
  }
}

/** How many of a user's transcriptions are in each status that there is one in. */
export async function countByStatus(db: Queries, userId: string) {
  return db
    .select({ status: transcriptions.status, count: count() })
    .from(transcriptions)
    .where(eq(transcriptions.userId, userId))
    .groupBy(transcriptions.status)
}
