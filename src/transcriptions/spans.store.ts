import { and, asc, eq, gt, inArray, lt, max, ne, sql } from 'drizzle-orm'
import type { Queries, Transaction } from '../db/database.ts'
import { segments, spans, transcriptions } from '../db/schema.ts'
import type { EngineName, Segment, SpanResult } from '../engines/engine.ts'
import { SAMPLE_RATE } from '../media/media.ts'
import { insertDiarization } from './speakers/diarizations.store.ts'
import { isUnfinished, type StoredSegment, type Transcription } from './transcriptions.store.ts'

export type Span = typeof spans.$inferSelect
type PlannedSpan = Pick<Span, 'id' | 'startSample' | 'endSample'>
export type SpanRange = { channel: number; startSample: number; endSample: number }

const UNFINISHED: Span['state'][] = ['queued', 'running']

/** The right of one attempt to write a span's result. It is lost when a later attempt claims the span. */
export type Claim = { spanId: string; attempt: number }

/** A statement takes 65,534 parameters and a segment has 11, so that days of audio need several inserts. */
const ROWS_PER_INSERT = 5_000

export async function insertSpans(
  tx: Transaction,
  { transcriptionId, ranges }: { transcriptionId: string; ranges: SpanRange[] },
): Promise<PlannedSpan[]> {
  const inserted: PlannedSpan[] = []
  for (let at = 0; at < ranges.length; at += ROWS_PER_INSERT) {
    const rows = ranges.slice(at, at + ROWS_PER_INSERT).map((range) => ({ transcriptionId, ...range }))
    const returned = { id: spans.id, startSample: spans.startSample, endSample: spans.endSample }
    inserted.push(...(await tx.insert(spans).values(rows).returning(returned)))
  }
  return inserted
}

/** The sample at which the last span of a channel ends; null if it has no span. */
export async function plannedEnd(
  tx: Queries,
  { id, channel }: { id: string; channel: number },
): Promise<number | null> {
  const [row] = await tx
    .select({ end: max(spans.endSample) })
    .from(spans)
    .where(and(eq(spans.transcriptionId, id), eq(spans.channel, channel)))
  return row?.end ?? null
}

/** The spans of a channel that overlap a range of samples, in order. */
export async function listSpansWithin(
  db: Queries,
  { id, channel, startSample, endSample }: { id: string } & SpanRange,
): Promise<(PlannedSpan & Pick<Span, 'state'>)[]> {
  return db
    .select({ id: spans.id, startSample: spans.startSample, endSample: spans.endSample, state: spans.state })
    .from(spans)
    .where(
      and(
        eq(spans.transcriptionId, id),
        eq(spans.channel, channel),
        lt(spans.startSample, endSample),
        gt(spans.endSample, startSample),
      ),
    )
    .orderBy(asc(spans.startSample))
}

/**
 * Claims a span for a new attempt, and returns it with its transcription. Null if one of them has finished.
 */
export async function claimSpan(
  db: Queries,
  spanId: string,
): Promise<{ span: Span; transcription: Transcription } | null> {
  const [row] = await db
    .update(spans)
    .set({ state: 'running', attempt: sql`${spans.attempt} + 1`, startedAt: sql`now()` })
    .from(transcriptions)
    .where(
      and(
        eq(spans.id, spanId),
        inArray(spans.state, UNFINISHED),
        eq(transcriptions.id, spans.transcriptionId),
        isUnfinished,
      ),
    )
    .returning()
  if (!row) return null
  const { transcriptions: transcription, ...span } = row
  return { span, transcription }
}

const isHeld = ({ spanId, attempt }: Claim) =>
  and(eq(spans.id, spanId), eq(spans.attempt, attempt), eq(spans.state, 'running'))

/**
 * Writes a span's result, with the revision of the transcription that is the id of its event (null if it had
 * finished before), and returns the segments. Null, and nothing is written, if the claim is lost.
 */
export async function finishSpan(
  tx: Transaction,
  {
    claim,
    span,
    result,
    engine,
    revision,
  }: {
    claim: Claim
    span: Span
    result: SpanResult
    engine: EngineName
    revision: number | null
  },
): Promise<StoredSegment[] | null> {
  const rows = await tx
    .update(spans)
    .set({
      state: 'done',
      engine,
      model: result.model,
      detectedLanguage: result.detected?.language ?? null,
      detectedProbability: result.detected?.probability ?? null,
      revision,
      finishedAt: sql`now()`,
    })
    .where(isHeld(claim))
    .returning({ id: spans.id })
  if (rows.length === 0) return null
  if (result.diarization) await insertDiarization(tx, { span, diarization: result.diarization })
  const placed = result.segments.map((segment, position) => placedSegment({ segment, position, span }))
  const stored: StoredSegment[] = []
  for (let at = 0; at < placed.length; at += ROWS_PER_INSERT) {
    const inserted = await tx
      .insert(segments)
      .values(placed.slice(at, at + ROWS_PER_INSERT))
      .returning()
    stored.push(...inserted.map((segment) => ({ ...segment, channel: span.channel })))
  }
  return stored
}

/** The language that an engine heard in a span. */
export type HeardInSpan = { id: string; language: string; probability: number }

/** Empty, or what the engine heard in a span, as `listHeard` returns it later. */
export function heardIn({ span, result }: { span: Span; result: SpanResult }): HeardInSpan[] {
  return result.detected ? [{ id: span.id, ...result.detected }] : []
}

/** The finished spans in which an engine heard a language. */
export async function listHeard(db: Queries, transcriptionId: string): Promise<HeardInSpan[]> {
  const rows = await db
    .select({ id: spans.id, language: spans.detectedLanguage, probability: spans.detectedProbability })
    .from(spans)
    .where(and(eq(spans.transcriptionId, transcriptionId), eq(spans.state, 'done')))
  return rows.flatMap(({ id, language, probability }) =>
    language === null || probability === null ? [] : [{ id, language, probability }],
  )
}

/** The spans that finished after a revision, in that order, each with its segments. */
export async function listFinishedSince(db: Queries, { id, revision }: { id: string; revision: number }) {
  const finished = await db
    .select()
    .from(spans)
    .where(and(eq(spans.transcriptionId, id), gt(spans.revision, revision)))
    .orderBy(asc(spans.revision))
  const ids = finished.map((span) => span.id)
  const rows = ids.length
    ? await db.select().from(segments).where(inArray(segments.spanId, ids)).orderBy(asc(segments.position))
    : []
  return finished.map((span) => ({ ...span, segments: rows.filter(({ spanId }) => spanId === span.id) }))
}

/**
 * Releases a span for a later attempt and returns its failure count; null if the claim is lost. `failed`
 * increments the count.
 */
export async function releaseSpan(
  db: Queries,
  { claim, failed }: { claim: Claim; failed: boolean },
): Promise<number | null> {
  const [row] = await db
    .update(spans)
    .set({ state: 'queued', ...(failed && { failures: sql`${spans.failures} + 1` }) })
    .where(isHeld(claim))
    .returning({ failures: spans.failures })
  return row?.failures ?? null
}

export async function failSpan(tx: Transaction, claim: Claim): Promise<boolean> {
  const rows = await tx
    .update(spans)
    .set({ state: 'failed', failures: sql`${spans.failures} + 1`, finishedAt: sql`now()` })
    .where(isHeld(claim))
    .returning({ id: spans.id })
  return rows.length > 0
}

/** Removes a span that shorter ones replace. False if the claim is lost. */
export async function removeSpan(tx: Transaction, claim: Claim): Promise<boolean> {
  const rows = await tx.delete(spans).where(isHeld(claim)).returning({ id: spans.id })
  return rows.length > 0
}

/** Converts a segment's times from seconds within the span to seconds within the audio. */
function placedSegment({ segment, position, span }: { segment: Segment; position: number; span: Span }) {
  const offset = span.startSample / SAMPLE_RATE
  const end = span.endSample / SAMPLE_RATE
  const toAudioTime = (seconds: number) => Math.round(Math.min(end, offset + seconds) * 1000) / 1000
  // Postgres rejects NUL in a text.
  const withoutNul = (text: string) => text.replaceAll('\0', '')
  return {
    ...segment,
    verifiedBy: segment.verifiedBy ?? null,
    text: withoutNul(segment.text),
    spanId: span.id,
    transcriptionId: span.transcriptionId,
    position,
    start: toAudioTime(segment.start),
    end: toAudioTime(segment.end),
    words:
      segment.words?.map(({ word, start, end, probability }) => ({
        word: withoutNul(word),
        start: toAudioTime(start),
        end: toAudioTime(end),
        probability,
      })) ?? null,
  }
}

/** Resets all spans that are not done to `queued` without failures. Running attempts lose their claims. */
export async function reopenSpans(tx: Transaction, transcriptionId: string): Promise<PlannedSpan[]> {
  return tx
    .update(spans)
    .set({ state: 'queued', failures: 0 })
    .where(and(eq(spans.transcriptionId, transcriptionId), ne(spans.state, 'done')))
    .returning({ id: spans.id, startSample: spans.startSample, endSample: spans.endSample })
}
