import { and, count, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { uploads } from '../db/schema.ts'

export type Upload = typeof uploads.$inferSelect
export type UploadKeys = { id: string; userId: string }

/** Where pieces are stored until the file is whole; removing an upload's folder removes all of them. */
export const UPLOADS_FOLDER = 'uploads'
export const uploadFolder = (id: string) => `${UPLOADS_FOLDER}/${id}`
export const chunkKey = (id: string, piece: number) => `${uploadFolder(id)}/${piece}`

const KEPT_HOURS = 24
const later = sql`now() + make_interval(hours => ${KEPT_HOURS})`

const owned = ({ id, userId }: UploadKeys) => and(eq(uploads.id, id), eq(uploads.userId, userId))

/** It expires a day after the last piece of it came. */
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

/** How many of a user's are not transcriptions yet. */
export async function countUnfinished(db: Queries, userId: string): Promise<number> {
  const [row] = await db
    .select({ count: count() })
    .from(uploads)
    .where(and(eq(uploads.userId, userId), isNull(uploads.transcriptionId)))
  return row?.count ?? 0
}

/** Null also for another user's. */
export async function findUpload(db: Queries, keys: UploadKeys): Promise<Upload | null> {
  const [row] = await db.select().from(uploads).where(owned(keys))
  return row ?? null
}

/** Gives the next piece its number in the row's `piece`; null where the file does not go on at that offset. */
export async function beginChunk(
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

/** Adds a piece to the file; null where another has begun since, or the upload is gone. */
export async function addChunk(
  db: Queries,
  { id, piece, bytes }: { id: string; piece: number; bytes: number },
): Promise<Upload | null> {
  const [row] = await db
    .update(uploads)
    .set({
      offset: sql`${uploads.offset} + ${bytes}`,
      pieces: sql`array_append(${uploads.pieces}, ${piece})`,
      expiresAt: later,
    })
    .where(and(eq(uploads.id, id), eq(uploads.piece, piece)))
    .returning()
  return row ?? null
}

/** False where it has become a transcription already, or is gone. */
export async function becomeTranscription(
  tx: Transaction,
  { id, transcriptionId }: { id: string; transcriptionId: string },
): Promise<boolean> {
  const rows = await tx
    .update(uploads)
    .set({ transcriptionId })
    .where(and(eq(uploads.id, id), isNull(uploads.transcriptionId)))
    .returning({ id: uploads.id })
  return rows.length > 0
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

/** Those of `ids` that are uploads' ids. */
export async function findKnownUploads(db: Queries, ids: string[]): Promise<Set<string>> {
  const rows = await db.select({ id: uploads.id }).from(uploads).where(inArray(uploads.id, ids))
  return new Set(rows.map(({ id }) => id))
}
