import { and, asc, eq, getTableColumns, inArray, isNull, ne, notInArray, sql } from 'drizzle-orm'
import type { Database, Queries, Transaction } from '../db/database.ts'
import { segments, spans, transcriptions } from '../db/schema.ts'
import type { ErrorCode } from '../errors.ts'

export type Transcription = typeof transcriptions.$inferSelect
export type NewTranscription = typeof transcriptions.$inferInsert
/** `channel`: of the audio, from 0. */
export type StoredSegment = typeof segments.$inferSelect & { channel: number }

const OPEN: Transcription['status'][] = ['queued', 'processing']

const FINISHED: Transcription['status'][] = ['completed', 'failed', 'canceled']

/** Not over: queued or being worked on. Of all or of a user's, these are found by an index of their own. */
export const isOpen = inArray(transcriptions.status, OPEN)

/**
 * The same, said of those that are named by their ids. Statistics that were taken when next to nothing was open have Postgres
 * look through that index for the one that is named; said so, it cannot.
 */
export const isUnfinished = notInArray(transcriptions.status, FINISHED)

export const isFinished = ({ status }: Pick<Transcription, 'status'>): boolean => !OPEN.includes(status)

export async function insertTranscription(tx: Transaction, row: NewTranscription) {
  await tx.insert(transcriptions).values(row)
}

/** A statement prepared once: status is what clients ask for again and again. Null also for another user's. */
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
 * In the order of their spans: by times alone, one span's last could come after the next one's first. Those of several
 * channels in the order in which they were said.
 */
export async function segmentsOf(
  db: Queries,
  { id, channels }: Pick<Transcription, 'id' | 'channels'>,
): Promise<StoredSegment[]> {
  const place = [asc(spans.startSample), asc(segments.position)]
  return db
    .select({ ...getTableColumns(segments), channel: spans.channel })
    .from(segments)
    .innerJoin(spans, eq(segments.spanId, spans.id))
    .where(eq(segments.transcriptionId, id))
    .orderBy(...(channels === 'split' ? [asc(segments.start), asc(spans.channel), ...place] : place))
}

/** Writes what a probe has told of it; null where it is gone. */
export async function setProbeResult(
  db: Queries,
  { id, ...sound }: Pick<Transcription, 'id' | 'codec' | 'audioChannels' | 'claimedSeconds'>,
): Promise<Transcription | null> {
  const [row] = await db.update(transcriptions).set(sound).where(eq(transcriptions.id, id)).returning()
  return row ?? null
}

/** Says which trace what is done for one from now on belongs to. */
export async function setTraceparent(
  db: Queries,
  { id, traceparent }: Pick<Transcription, 'id' | 'traceparent'>,
): Promise<void> {
  await db.update(transcriptions).set({ traceparent }).where(eq(transcriptions.id, id))
}

const isUndecoded = and(isUnfinished, isNull(transcriptions.totalSamples))

/**
 * One whose audio is not known to its end, held until `tx` ends, so that several deliveries of its job write one after
 * another. Null where another has come to the end, decoding has begun anew, or it is over, or gone.
 */
export async function lockUndecoded(
  tx: Transaction,
  { id, decodingRound }: Pick<Transcription, 'id' | 'decodingRound'>,
): Promise<Transcription | null> {
  const [row] = await tx
    .select()
    .from(transcriptions)
    .where(and(eq(transcriptions.id, id), eq(transcriptions.decodingRound, decodingRound), isUndecoded))
    .for('no key update')
  return row ?? null
}

/** Writes how long the audio is, and how much of it there is to transcribe, once it is decoded to its end. */
export async function setLength(
  tx: Transaction,
  { id, totalSamples, workSamples }: { id: string; totalSamples: number; workSamples: number },
): Promise<Transcription | null> {
  const [row] = await tx
    .update(transcriptions)
    .set({ totalSamples, workSamples, decodedSamples: workSamples })
    .where(and(eq(transcriptions.id, id), isUndecoded))
    .returning()
  return row ?? null
}

/** Counts an error met while preparing; gives the new count. */
export async function countFailure(db: Queries, id: string): Promise<number> {
  const [row] = await db
    .update(transcriptions)
    .set({ failures: sql`${transcriptions.failures} + 1` })
    .where(eq(transcriptions.id, id))
    .returning({ failures: transcriptions.failures })
  return row?.failures ?? 0
}

/** Adds finished samples; the row's lock lets spans that end at the same time see each other's. */
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
  { id, text, detectedLanguage }: { id: string; text: string; detectedLanguage: string | null },
) {
  await tx
    .update(transcriptions)
    .set({ status: 'completed', text, detectedLanguage, completedAt: sql`now()` })
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

/** Ends a user's transcription, keeping what is done of it. False where there is none, or it is over. */
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

/** Opens one again that is not completed. Null where it is, or its audio was removed. */
export async function reopen(tx: Transaction, id: string): Promise<Transcription | null> {
  // A span that ended when its transcription was over was not counted then.
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

/** Removes a user's transcription with all its rows. False where there is none. */
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
