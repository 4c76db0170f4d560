import { and, asc, eq, getTableColumns, inArray, isNull, ne, notInArray, sql } from 'drizzle-orm'
import type { Database, Queries, Transaction } from '../db/database.ts'
import { segments, spans, transcriptions } from '../db/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { TraceSpan } from '../traces/traces.ts'

export type Transcription = typeof transcriptions.$inferSelect
export type NewTranscription = typeof transcriptions.$inferInsert
/** `channel` counts the channels of the audio from 0. */
export type StoredSegment = typeof segments.$inferSelect & { channel: number }

const OPEN: Transcription['status'][] = ['queued', 'processing']

const FINISHED: Transcription['status'][] = ['completed', 'failed', 'canceled']

/** Queued or processing. For queries over all transcriptions or a user's: a partial index has these rows. */
export const isOpen = inArray(transcriptions.status, OPEN)

/**
 * The same condition for queries by id. It is written so that Postgres cannot use the partial index: with
 * statistics from a time without open rows, it would scan that index for the id.
 */
export const isUnfinished = notInArray(transcriptions.status, FINISHED)

export const isFinished = ({ status }: Pick<Transcription, 'status'>): boolean => !OPEN.includes(status)

export async function insertTranscription(tx: Transaction, row: NewTranscription) {
  await tx.insert(transcriptions).values(row)
}

/**
 * Prepared once, because clients poll the status. The function returns null for another user's transcription
 * too.
 */
export function prepareFindOwned(db: Database) {
  const statement = db
    .select()
    .from(transcriptions)
    .where(
      and(eq(transcriptions.id, sql.placeholder('id')), eq(transcriptions.userId, sql.placeholder('userId'))),
    )
    .prepare('find_owned_transcription')
  return async (keys: { id: string; userId: string }): Promise<Transcription | null> =>
    (await statement.execute(keys))[0] ?? null
}

export async function findTranscription(db: Queries, id: string): Promise<Transcription | null> {
  const [row] = await db.select().from(transcriptions).where(eq(transcriptions.id, id))
  return row ?? null
}

/**
 * Segments sorted by span, because by time the last segment of a span could come after the first of the next
 * span. With several channels, they are sorted by time first.
 */
export async function segmentsOf(
  db: Queries,
  { id, channels }: Pick<Transcription, 'id' | 'channels'>,
): Promise<StoredSegment[]> {
  const bySpan = [asc(spans.startSample), asc(segments.position)]
  return db
    .select({ ...getTableColumns(segments), channel: spans.channel })
    .from(segments)
    .innerJoin(spans, eq(segments.spanId, spans.id))
    .where(eq(segments.transcriptionId, id))
    .orderBy(...(channels === 'split' ? [asc(segments.start), asc(spans.channel), ...bySpan] : bySpan))
}

/** Writes the result of a probe; null if the transcription is removed. */
export async function setProbeResult(
  db: Queries,
  {
    id,
    ...probed
  }: Pick<
    Transcription,
    'id' | 'codec' | 'audioChannels' | 'claimedSeconds' | 'track' | 'tracks' | 'warnings'
  >,
): Promise<Transcription | null> {
  const [row] = await db.update(transcriptions).set(probed).where(eq(transcriptions.id, id)).returning()
  return row ?? null
}

/** If nothing recorded a trace of a transcription before, the trace span becomes the parent of the later work. */
export async function adoptTrace(
  db: Queries,
  { id, traceparent: earlier }: Pick<Transcription, 'id' | 'traceparent'>,
  { traceparent }: Pick<TraceSpan, 'traceparent'>,
): Promise<void> {
  if (earlier !== null || !traceparent) return
  await db.update(transcriptions).set({ traceparent }).where(eq(transcriptions.id, id))
}

/**
 * For updates of a transcription whose audio is not completely decoded. Such an update locks the row until its
 * transaction ends, so that several deliveries of a prepare job write one after the other. It does nothing if
 * the decoding is complete or was restarted, or if the transcription has finished or is removed.
 */
export const isUndecoded = ({ id, decodingRound }: Pick<Transcription, 'id' | 'decodingRound'>) =>
  and(
    eq(transcriptions.id, id),
    eq(transcriptions.decodingRound, decodingRound),
    isUnfinished,
    isNull(transcriptions.totalSamples),
  )

/**
 * Writes the length of the decoded audio, the samples of it that are to be transcribed, and all warnings so
 * far. Null if `isUndecoded` does not hold.
 */
export async function setLength(
  tx: Transaction,
  {
    id,
    decodingRound,
    totalSamples,
    workSamples,
    warnings,
  }: Pick<Transcription, 'id' | 'decodingRound' | 'warnings'> & { totalSamples: number; workSamples: number },
): Promise<Transcription | null> {
  const [row] = await tx
    .update(transcriptions)
    .set({ totalSamples, workSamples, decodedSamples: workSamples, warnings })
    .where(isUndecoded({ id, decodingRound }))
    .returning()
  return row ?? null
}

/** Counts a failure of prepare and returns the new count. */
export async function countFailure(db: Queries, id: string): Promise<number> {
  const [row] = await db
    .update(transcriptions)
    .set({ failures: sql`${transcriptions.failures} + 1` })
    .where(eq(transcriptions.id, id))
    .returning({ failures: transcriptions.failures })
  return row?.failures ?? 0
}

/** Adds finished samples. The row lock makes spans that finish at the same time see each other's samples. */
export async function addDoneSamples(
  tx: Transaction,
  { id, samples }: { id: string; samples: number },
): Promise<Transcription | null> {
  const [row] = await tx
    .update(transcriptions)
    .set({ doneSamples: sql`${transcriptions.doneSamples} + ${samples}` })
    .where(and(eq(transcriptions.id, id), isUnfinished))
    .returning()
  return row ?? null
}

export async function complete(
  tx: Transaction,
  {
    id,
    ...result
  }: Pick<Transcription, 'id' | 'text' | 'detectedLanguage'> &
    Partial<Pick<Transcription, 'language' | 'speakers' | 'warnings'>>,
) {
  await tx
    .update(transcriptions)
    .set({ status: 'completed', ...result, completedAt: sql`now()` })
    .where(eq(transcriptions.id, id))
}

export async function fail(
  db: Queries,
  { id, code, message }: { id: string; code: ErrorCode; message: string },
) {
  await db
    .update(transcriptions)
    .set({ status: 'failed', errorCode: code, errorMessage: message, completedAt: sql`now()` })
    .where(and(eq(transcriptions.id, id), isUnfinished))
}

/** Cancels a user's transcription; finished segments stay. False if there is none or it has finished. */
export async function cancelOwned(
  db: Queries,
  { id, userId }: { id: string; userId: string },
): Promise<boolean> {
  const rows = await db
    .update(transcriptions)
    .set({ status: 'canceled', completedAt: sql`now()` })
    .where(and(eq(transcriptions.id, id), eq(transcriptions.userId, userId), isUnfinished))
    .returning({ id: transcriptions.id })
  return rows.length > 0
}

/** Reopens a transcription. Null if it is completed or its audio was removed. */
export async function reopen(tx: Transaction, id: string): Promise<Transcription | null> {
  // Spans that finished after their transcription were not counted in `doneSamples`.
  const done = tx
    .select({ samples: sql`coalesce(sum(${spans.endSample} - ${spans.startSample}), 0)` })
    .from(spans)
    .where(and(eq(spans.transcriptionId, id), eq(spans.state, 'done')))
  const [row] = await tx
    .update(transcriptions)
    .set({
      status: sql`case when ${transcriptions.totalSamples} is null then 'queued' else 'processing' end`,
      doneSamples: sql`(${done})`,
      failures: 0,
      errorCode: null,
      errorMessage: null,
      completedAt: null,
    })
    .where(
      and(
        eq(transcriptions.id, id),
        ne(transcriptions.status, 'completed'),
        isNull(transcriptions.audioRemovedAt),
      ),
    )
    .returning()
  return row ?? null
}

/** Deletes a user's transcription with all its rows. False if there is none. */
export async function removeOwned(
  db: Queries,
  { id, userId }: { id: string; userId: string },
): Promise<boolean> {
  const rows = await db
    .delete(transcriptions)
    .where(and(eq(transcriptions.id, id), eq(transcriptions.userId, userId)))
    .returning({ id: transcriptions.id })
  return rows.length > 0
}

export async function transcriptionsOf(db: Queries, userId: string): Promise<string[]> {
  const rows = await db
    .select({ id: transcriptions.id })
    .from(transcriptions)
    .where(eq(transcriptions.userId, userId))
  return rows.map(({ id }) => id)
}
