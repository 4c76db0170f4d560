import type { Database } from '../../db/database.ts'
import { isUuid } from '../../uuid.ts'
import { formatCursor, parseCursor } from '../cursor.ts'
import { type Cursor, countByStatus, findCursor, type ListFilter, listOwned } from '../list.store.ts'
import { transcriptionNotFound } from '../owned.ts'
import { durationOf, failureOf, formatTime, languageOf, progressOf } from './status.ts'

export type PageRequest = Omit<ListFilter, 'after' | 'before'> & { cursor?: string }

/** `olderThan`, `newerThan`: ids of transcriptions; at most one of them. */
export type NeighborsRequest = Omit<ListFilter, 'after' | 'before'> & {
  olderThan: string | null
  newerThan: string | null
}

/**
 * Reads a page of a user's transcriptions, the newest first. The first page also has the counts by status.
 * Throws `validation` if the cursor is invalid.
 */
export async function readPage(db: Database, { cursor, limit, ...filter }: PageRequest) {
  const after = cursor === undefined ? null : parseCursor(cursor)
  // One row more than the page shows whether there is another page.
  const rows = await listOwned(db, { ...filter, after, limit: limit + 1 })
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    transcriptions: page.map(formatRow),
    next_cursor: last && rows.length > limit ? formatCursor(last) : null,
    ...(after === null && { counts: countsOf(await countByStatus(db, filter.userId)) }),
  }
}

/**
 * Reads the transcriptions next to one of them, or the latest ones; the newest first. Throws `not_found` if
 * the user has no such transcription.
 */
export async function readNeighbors(
  db: Database,
  { olderThan, newerThan, limit, ...filter }: NeighborsRequest,
) {
  const cursorOf = async (id: string | null) => id && requireCursor(db, { id, userId: filter.userId })
  const [after, before] = [(await cursorOf(olderThan)) || null, (await cursorOf(newerThan)) || null]
  // One row more than the page shows whether there are more in its direction.
  const rows = await listOwned(db, { ...filter, after, before, limit: limit + 1 })
  const hasMore = rows.length > limit
  return {
    transcriptions: (before ? rows.slice(-limit) : rows.slice(0, limit)).map(formatRow),
    hasOlder: before ? true : hasMore,
    hasNewer: before ? hasMore : after !== null,
  }
}

async function requireCursor(db: Database, keys: { id: string; userId: string }): Promise<Cursor> {
  const cursor = isUuid(keys.id) ? await findCursor(db, keys) : null
  if (!cursor) throw transcriptionNotFound()
  return cursor
}

function formatRow(row: Awaited<ReturnType<typeof listOwned>>[number]) {
  return {
    id: row.id,
    status: row.status,
    created_at: formatTime(row.createdAt),
    completed_at: row.completedAt && formatTime(row.completedAt),
    language: languageOf(row),
    task: row.task,
    filename: row.filename,
    size: row.audioBytes,
    duration: durationOf(row),
    progress: progressOf(row),
    excerpt: row.excerpt,
    warnings: row.warnings,
    failure: failureOf(row),
  }
}

function countsOf(rows: Awaited<ReturnType<typeof countByStatus>>) {
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, canceled: 0 }
  for (const { status, count } of rows) counts[status] = count
  return counts
}
