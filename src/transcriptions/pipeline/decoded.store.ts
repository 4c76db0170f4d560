import { and, eq, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { unionAll } from 'drizzle-orm/pg-core'
import type { Queries, Transaction } from '../../db/database.ts'
import { envelopes, spans, transcriptions } from '../../db/schema.ts'
import { aheadQuery } from '../open-work.store.ts'
import { isUndecoded, isUnfinished, type Transcription } from '../transcriptions.store.ts'

export async function aheadSamples(db: Queries, userId: string): Promise<number> {
  const [row] = await aheadQuery(db, userId)
  return row?.samples ?? 0
}

/**
 * Sets the status `processing`. Null if the transcription has finished or is removed, or if the user has
 * `maxAheadSamples` or more decoded samples that wait for engines.
 */
export async function startProcessing(
  db: Queries,
  id: string,
  { maxAheadSamples = Number.MAX_SAFE_INTEGER }: { maxAheadSamples?: number } = {},
): Promise<Transcription | null> {
  const isRoom: SQL = sql`(${aheadQuery(db, transcriptions.userId)}) < ${maxAheadSamples}`
  const [row] = await db
    .update(transcriptions)
    .set({ status: 'processing' })
    .where(and(eq(transcriptions.id, id), isUnfinished, isRoom))
    .returning()
  return row ?? null
}

/** Writes the decoded length. Null if `isUndecoded` does not hold. */
export async function setDecoded(
  tx: Transaction,
  { id, decodingRound, decodedSamples }: Pick<Transcription, 'id' | 'decodingRound' | 'decodedSamples'>,
): Promise<Transcription | null> {
  const [row] = await tx
    .update(transcriptions)
    .set({ decodedSamples })
    .where(isUndecoded({ id, decodingRound }))
    .returning()
  return row ?? null
}

/**
 * Raises the decoded length of a transcription that failed or was canceled meanwhile, so that it counts as
 * usage.
 */
export async function raiseDecoded(
  tx: Transaction,
  { id, decodedSamples }: Pick<Transcription, 'id' | 'decodedSamples'>,
): Promise<void> {
  await tx
    .update(transcriptions)
    .set({ decodedSamples })
    .where(
      and(
        eq(transcriptions.id, id),
        inArray(transcriptions.status, ['failed', 'canceled']),
        isNull(transcriptions.totalSamples),
        lt(transcriptions.decodedSamples, decodedSamples),
      ),
    )
}

/**
 * How far each channel is prepared: `stored` is the number of its pcm pieces from the first on, `until` the
 * sample at which its last span ends. Channels without pieces and spans are left out.
 */
export async function readPrepared(
  db: Queries,
  id: string,
): Promise<Map<number, { stored: number; until: number | null }>> {
  const noValue = sql<number | null>`null::bigint`
  const pieces = db
    .select({
      channel: envelopes.channel,
      piece: sql<number | null>`${envelopes.piece}::bigint`.as('piece'),
      end: noValue.as('end'),
    })
    .from(envelopes)
    .where(eq(envelopes.transcriptionId, id))
  const planned = db
    .select({
      channel: spans.channel,
      piece: noValue.as('piece'),
      end: sql<number | null>`${spans.endSample}`.as('end'),
    })
    .from(spans)
    .where(eq(spans.transcriptionId, id))
  const all = unionAll(pieces, planned).as('all')
  const rows = await db
    .select({
      channel: all.channel,
      count: sql<number>`count(${all.piece})::int`,
      last: sql<number | null>`max(${all.piece})::float8`,
      until: sql<number | null>`max(${all.end})::float8`,
    })
    .from(all)
    .groupBy(all.channel)
  return new Map(
    rows.map(({ channel, count, last, until }) => [
      channel,
      { stored: last === count - 1 ? count : 0, until },
    ]),
  )
}

/**
 * Resets an open transcription to undecoded, in a new decoding round. Its spans and their states stay. Null
 * if it has finished or is removed.
 */
export async function resetDecoded(tx: Transaction, id: string): Promise<Transcription | null> {
  await tx.delete(envelopes).where(eq(envelopes.transcriptionId, id))
  const [row] = await tx
    .update(transcriptions)
    .set({
      totalSamples: null,
      workSamples: null,
      decodedSamples: 0,
      decodingRound: sql`${transcriptions.decodingRound} + 1`,
    })
    .where(and(eq(transcriptions.id, id), isUnfinished))
    .returning()
  return row ?? null
}
