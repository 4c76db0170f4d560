import type { Database } from '../../db/database.ts'
import { formatCursor, parseCursor } from '../cursor.ts'
import { countByStatus, type ListFilter, listOwned } from '../list.store.ts'
import { durationOf, failureOf, formatTime, languageOf, progressOf } from './status.ts'

export type PageRequest = Omit<ListFilter, 'after'> & { cursor?: string }

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
