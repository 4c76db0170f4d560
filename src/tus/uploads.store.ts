import { and, count, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { uploads } from '../db/schema.ts'

export type Upload = typeof uploads.$inferSelect
export type UploadKeys = { id: string; userId: string }

/** Holds the chunks of incomplete uploads, in one folder per upload. */
export const UPLOADS_FOLDER = 'uploads'
export const uploadFolder = (id: string) => `${UPLOADS_FOLDER}/${id}`
export const chunkKey = (id: string, number: number) => `${uploadFolder(id)}/${number}`

const KEPT_HOURS = 24
const later = sql`now() + make_interval(hours => ${KEPT_HOURS})`

const owned = ({ id, userId }: UploadKeys) => and(eq(uploads.id, id), eq(uploads.userId, userId))

/** An upload expires a day after its latest chunk. */
export async function insertUpload(
  db: Queries,
  upload: Pick<Upload, 'userId' | 'length' | 'metadata'>,
): Promise<Upload | null> {
  const [row] = await db
    .insert(uploads)
    .values({ ...upload, expiresAt: later })
    .returning()
  return row ?? null
}

/** Inserts an upload whose bytes are stored as one chunk with the number 1. */
export async function insertWholeUpload(
  tx: Transaction,
  upload: Pick<Upload, 'id' | 'userId' | 'length' | 'metadata'>,
): Promise<void> {
  await tx
    .insert(uploads)
    .values({ ...upload, offset: upload.length, piece: 1, pieces: [1], expiresAt: later })
}

/** Counts a user's uploads without a transcription. */
export async function countUnfinished(db: Queries, userId: string): Promise<number> {
  const [row] = await db
    .select({ count: count() })
    .from(uploads)
    .where(and(eq(uploads.userId, userId), isNull(uploads.transcriptionId)))
  return row?.count ?? 0
}

/** Null also for another user's upload. */
export async function findUpload(db: Queries, keys: UploadKeys): Promise<Upload | null> {
  const [row] = await db.select().from(uploads).where(owned(keys))
  return row ?? null
}

/** As `findUpload`, and locks the row until the transaction ends. */
export async function lockUpload(tx: Transaction, keys: UploadKeys): Promise<Upload | null> {
  const [row] = await tx.select().from(uploads).where(owned(keys)).for('update')
  return row ?? null
}

/** Numbers the next chunk, in the row's `piece`. Null if the upload does not continue at that offset. */
export async function numberChunk(
  db: Queries,
  { offset, ...keys }: UploadKeys & { offset: number },
): Promise<Upload | null> {
  const [row] = await db
    .update(uploads)
    .set({ piece: sql`${uploads.piece} + 1`, expiresAt: later })
    .where(and(owned(keys), eq(uploads.offset, offset), isNull(uploads.transcriptionId)))
    .returning()
  return row ?? null
}

/** Appends a chunk to the file. Null if a later chunk was numbered meanwhile, or the upload was deleted. */
export async function addChunk(
  db: Queries,
  { id, number, bytes }: { id: string; number: number; bytes: number },
): Promise<Upload | null> {
  const [row] = await db
    .update(uploads)
    .set({
      offset: sql`${uploads.offset} + ${bytes}`,
      pieces: sql`array_append(${uploads.pieces}, ${number})`,
      expiresAt: later,
    })
    .where(and(eq(uploads.id, id), eq(uploads.piece, number)))
    .returning()
  return row ?? null
}

/** Links an upload to its transcription. */
export async function becomeTranscription(
  tx: Transaction,
  { id, transcriptionId }: { id: string; transcriptionId: string },
): Promise<void> {
  await tx
    .update(uploads)
    .set({ transcriptionId })
    .where(and(eq(uploads.id, id), isNull(uploads.transcriptionId)))
}

export async function uploadsOf(db: Queries, userId: string): Promise<string[]> {
  const rows = await db.select({ id: uploads.id }).from(uploads).where(eq(uploads.userId, userId))
  return rows.map(({ id }) => id)
}

export async function removeUpload(db: Queries, id: string): Promise<void> {
  await db.delete(uploads).where(eq(uploads.id, id))
}

export async function findExpiredUploads(db: Queries, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(lt(uploads.expiresAt, sql`now()`))
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** The ids among `ids` that have a row. */
export async function findKnownUploads(db: Queries, ids: string[]): Promise<Set<string>> {
  const rows = await db.select({ id: uploads.id }).from(uploads).where(inArray(uploads.id, ids))
  return new Set(rows.map(({ id }) => id))
}
