import { and, asc, eq, lte } from 'drizzle-orm'
import type { StoredSpeakerTurn, StoredVoice } from '../../db/columns.ts'
import type { Queries, Transaction } from '../../db/database.ts'
import { diarizations, segments, spans } from '../../db/schema.ts'
import type { SpanResult } from '../../engines/engine.ts'
import { SAMPLE_RATE } from '../../media/media.ts'

/** A finished span with its turns and voices. `problem`: why it has none. */
export type DiarizedSpan = {
  spanId: string
  channel: number
  startSample: number
  endSample: number
  turns: StoredSpeakerTurn[]
  voices: StoredVoice[]
  problem: string | null
}

/** Writes what an engine found in a span, with times from the start of the audio. */
export async function insertDiarization(
  tx: Transaction,
  {
    span: { id: spanId, transcriptionId, startSample },
    diarization,
  }: {
    span: Pick<typeof spans.$inferSelect, 'id' | 'transcriptionId' | 'startSample'>
    diarization: NonNullable<SpanResult['diarization']>
  },
): Promise<void> {
  const toAudioTime = (seconds: number) => Math.round((startSample / SAMPLE_RATE + seconds) * 1000) / 1000
  const found =
    'problem' in diarization
      ? { turns: [], voices: [], problem: diarization.problem }
      : {
          turns: diarization.turns.map(({ voice, start, end }) => ({
            voice,
            start: toAudioTime(start),
            end: toAudioTime(end),
          })),
          voices: diarization.voices.map((voice) => ({ ...voice, speaker: null })),
        }
  await tx.insert(diarizations).values({ spanId, transcriptionId, ...found })
}

/** Lists the spans of a transcription by channel and time. Spans without a diarization have a problem. */
export async function listDiarizedSpans(db: Queries, transcriptionId: string): Promise<DiarizedSpan[]> {
  const rows = await db
    .select({
      spanId: spans.id,
      channel: spans.channel,
      startSample: spans.startSample,
      endSample: spans.endSample,
      turns: diarizations.turns,
      voices: diarizations.voices,
      problem: diarizations.problem,
    })
    .from(spans)
    .leftJoin(diarizations, eq(diarizations.spanId, spans.id))
    .where(and(eq(spans.transcriptionId, transcriptionId), eq(spans.state, 'done')))
    .orderBy(asc(spans.channel), asc(spans.startSample))
  return rows.map(({ turns, voices, problem, ...span }) =>
    turns === null || voices === null
      ? { ...span, turns: [], voices: [], problem: 'an earlier version of the service transcribed it' }
      : { ...span, turns, voices, problem },
  )
}

type SpanVoices = { spanId: string; turns: StoredSpeakerTurn[]; voices: StoredVoice[] }

/** The diarization of one span; null if it has none. */
export async function findDiarization(db: Queries, spanId: string): Promise<SpanVoices | null> {
  const [row] = await db
    .select({ spanId: diarizations.spanId, turns: diarizations.turns, voices: diarizations.voices })
    .from(diarizations)
    .where(eq(diarizations.spanId, spanId))
  return row ?? null
}

/** The diarizations of the spans that finished until a revision, in that order. */
export async function listDiarizedUntil(
  db: Queries,
  { id, revision }: { id: string; revision: number },
): Promise<(SpanVoices & { channel: number })[]> {
  return db
    .select({
      spanId: diarizations.spanId,
      channel: spans.channel,
      turns: diarizations.turns,
      voices: diarizations.voices,
    })
    .from(diarizations)
    .innerJoin(spans, eq(spans.id, diarizations.spanId))
    .where(and(eq(diarizations.transcriptionId, id), lte(spans.revision, revision)))
    .orderBy(asc(spans.revision))
}

export async function setVoices(
  tx: Transaction,
  { spanId, voices }: { spanId: string; voices: StoredVoice[] },
): Promise<void> {
  await tx.update(diarizations).set({ voices }).where(eq(diarizations.spanId, spanId))
}

/** A statement takes 65,534 parameters and a segment has 12. */
const ROWS_PER_INSERT = 5_000

/** Replaces all segments of a transcription. */
export async function replaceSegments(
  tx: Transaction,
  { transcriptionId, rows }: { transcriptionId: string; rows: (typeof segments.$inferInsert)[] },
): Promise<void> {
  await tx.delete(segments).where(eq(segments.transcriptionId, transcriptionId))
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    await tx.insert(segments).values(rows.slice(at, at + ROWS_PER_INSERT))
  }
}
