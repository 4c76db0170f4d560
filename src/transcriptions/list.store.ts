import { and, asc, count, desc, eq, gte, inArray, lt, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import type { Queries } from '../db/database.ts'
import { detectedLanguageColumn, terms, transcriptions } from '../db/schema.ts'
import type { Transcription } from './transcriptions.store.ts'

/** A position in a list: after the row with this time (UTC, to the microsecond) and id. */
export type Cursor = { time: string; id: string }

export type ListFilter = {
  userId: string
  after: Cursor | null
  /** With it, the page ends before this row: the oldest of the later transcriptions, latest first. */
  before?: Cursor | null
  limit: number
  status?: Transcription['status'] | Transcription['status'][]
  language?: string
  /** `createdFrom` is inclusive, `createdTo` exclusive. */
  createdFrom?: Date
  createdTo?: Date
  /** Words of the file name or text. */
  words?: string
}

const EXCERPT_LETTERS = 200

/**
 * Number of latest transcriptions that are scanned first, which takes milliseconds. Words that are too rare
 * to fill a page from them are found quickly by the index of words.
 */
const LATEST = 5_000
const ALL = 2 ** 31 - 1

/**
 * Lists a user's transcriptions, the latest first. Each combination of filters reads one index range
 * backwards.
 */
export async function listOwned(db: Queries, filter: ListFilter) {
  const { words, ...other } = filter
  if (words !== undefined) return search(db, { ...other, words })
  const columns = { userId: transcriptions.userId, time: transcriptions.createdAt, id: transcriptions.id }
  const order = filter.before ? asc : desc
  const rows = await db
    .select(resultColumns(columns.time))
    .from(transcriptions)
    .where(and(inRange(columns, filter), matchesFilter(filter)))
    .orderBy(order(columns.time), order(columns.id))
    .limit(filter.limit)
  return filter.before ? rows.reverse() : rows
}

/** The position of a user's transcription in lists. Null if there is none, or if it is another user's. */
export async function findCursor(
  db: Queries,
  { id, userId }: { id: string; userId: string },
): Promise<Cursor | null> {
  const [row] = await db
    .select({ id: transcriptions.id, time: timeText(transcriptions.createdAt) })
    .from(transcriptions)
    .where(and(eq(transcriptions.id, id), eq(transcriptions.userId, userId)))
  return row ?? null
}

/**
 * Finds common words among the latest transcriptions and rare words by the index of words. The query planner
 * cannot choose between them, because it cannot estimate how common the beginning of a word is.
 */
async function search(db: Queries, filter: ListFilter & { words: string }) {
  // Postgres rejects NUL in a text.
  const query = sql`search_for(${filter.words.replaceAll('\0', ' ')})`
  const columns = { userId: terms.userId, time: terms.createdAt, id: terms.transcriptionId }
  const fields = { id: terms.transcriptionId, time: terms.createdAt, words: terms.words }
  const order = [desc(columns.time), desc(columns.id)]
  const latest = db
    .select(fields)
    .from(terms)
    .where(inRange(columns, filter))
    .orderBy(...order)
    .limit(LATEST)
  const amongLatest = await matching(latest.as('found'))
  if (amongLatest.length === filter.limit) return amongLatest
  const all = db
    .select(fields)
    .from(terms)
    .where(and(inRange(columns, filter), sql`${terms.words} @@ ${query}`))
  // The limit is an optimisation fence: the word index chooses the rows, which are then sorted.
  return matching(all.limit(ALL).as('found'))

  function matching(rows: ReturnType<typeof latest.as<'found'>>) {
    return db
      .select(resultColumns(rows.time))
      .from(rows)
      .innerJoin(transcriptions, eq(transcriptions.id, rows.id))
      .where(and(sql`${rows.words} @@ ${query}`, matchesFilter(filter)))
      .orderBy(desc(rows.time), desc(rows.id))
      .limit(filter.limit)
  }
}

function inRange(columns: { userId: AnyPgColumn; time: AnyPgColumn; id: AnyPgColumn }, filter: ListFilter) {
  const { userId, after, before, createdFrom, createdTo } = filter
  const place = sql`(${columns.time}, ${columns.id})`
  const placeOf = ({ time, id }: Cursor) => sql`(${time}::timestamptz, ${id}::uuid)`
  return and(
    eq(columns.userId, userId),
    after ? sql`${place} < ${placeOf(after)}` : undefined,
    before ? sql`${place} > ${placeOf(before)}` : undefined,
    createdFrom && gte(columns.time, createdFrom),
    createdTo && lt(columns.time, createdTo),
  )
}

function matchesFilter({ status, language }: ListFilter) {
  return and(
    status && inArray(transcriptions.status, [status].flat()),
    language === undefined ? undefined : eq(detectedLanguageColumn(transcriptions), language),
  )
}

function resultColumns(time: AnyPgColumn) {
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
    warnings: transcriptions.warnings,
    errorCode: transcriptions.errorCode,
    errorMessage: transcriptions.errorMessage,
    createdAt: transcriptions.createdAt,
    completedAt: transcriptions.completedAt,
    excerpt: sql<string | null>`left(${transcriptions.text}, ${EXCERPT_LETTERS})`,
    time: timeText(time),
  }
}

const timeText = (time: AnyPgColumn) =>
  sql<string>`to_char(${time} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** Counts a user's transcriptions by status; a status without any is left out. */
export async function countByStatus(db: Queries, userId: string) {
  return db
    .select({ status: transcriptions.status, count: count() })
    .from(transcriptions)
    .where(eq(transcriptions.userId, userId))
    .groupBy(transcriptions.status)
}
