import { and, eq, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { alias, unionAll } from 'drizzle-orm/pg-core'
import type { Queries, Transaction } from '../../db/database.ts'
import { envelopes, spans, transcriptions } from '../../db/schema.ts'
import { isUnfinished, type Transcription } from '../transcriptions.store.ts'

const others = alias(transcriptions, 'others')

/** Samples of a user's that are decoded and not transcribed. What is queued has none: an index leaves it out. */
const aheadOf = (db: Queries, userId: string | typeof transcriptions.userId) =>
  db
    .select({
      samples: sql<number>`coalesce(sum(greatest(${others.decodedSamples} - ${others.doneSamples}, 0)), 0)::float8`,
    })
    .from(others)
    .where(and(eq(others.userId, userId), eq(others.status, 'processing')))

export async function aheadSamples(db: Queries, userId: string): Promise<number> {
  const [row] = await aheadOf(db, userId)
  return row?.samples ?? 0
}

/**
 * Marks it as being worked on; null where it is over already, or gone, or where the user has `maxAheadSamples` or more that
 * wait for engines.
 */
export async function startProcessing(
  db: Queries,
  id: string,
  { maxAheadSamples = Number.MAX_SAFE_INTEGER }: { maxAheadSamples?: number } = {},
): Promise<Transcription | null> {
  const isRoom: SQL = sql`(${aheadOf(db, transcriptions.userId)}) < ${maxAheadSamples}`
  const [row] = await db
    .update(transcriptions)
    .set({ status: 'processing' })
    .where(and(eq(transcriptions.id, id), isUnfinished, isRoom))
    .returning()
  return row ?? null
}

/** One that is not over, held until `tx` ends. */
export async function holdOpen(tx: Transaction, id: string): Promise<Transcription | null> {
  const [row] = await tx
    .select()
    .from(transcriptions)
    .where(and(eq(transcriptions.id, id), isUnfinished))
    .for('no key update')
  return row ?? null
}

/** Writes how much is decoded of one that is held as undecoded. */
export async function setDecoded(
  tx: Transaction,
  { id, decodedSamples }: Pick<Transcription, 'id' | 'decodedSamples'>,
): Promise<void> {
  await tx.update(transcriptions).set({ decodedSamples }).where(eq(transcriptions.id, id))
}

/** Has what was decoded count, though the transcription was canceled or has failed meanwhile. */
export async function countDecoded(
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
 * How far each channel is prepared: how many pieces of its pcm are stored, from the first on, and until where its spans are
 * planned. Channels of which there is nothing are left out.
 */
export async function preparedOf(
  db: Queries,
  id: string,
): Promise<Map<number, { stored: number; until: number | null }>> {
  const nothing = sql<number | null>`null::bigint`
  const pieces = db
    .select({
      channel: envelopes.channel,
      piece: sql<number | null>`${envelopes.piece}::bigint`.as('piece'),
      end: nothing.as('end'),
    })
    .from(envelopes)
    .where(eq(envelopes.transcriptionId, id))
  const planned = db
    .select({
      channel: spans.channel,
      piece: nothing.as('piece'),
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
 * Has an open transcription decoded again from its start. Its spans stay, and those that are done stay done. Null where it is
 * over, or gone.
 */
export async function forgetDecoded(tx: Transaction, id: string): Promise<Transcription | null> {
  await tx.delete(envelopes).where(eq(envelopes.transcriptionId, id))
  const [row] = await tx
    .update(transcriptions)
    .set({
      ...{ totalSamples: null, workSamples: null, decodedSamples: 0 },
      decodingRound: sql`${transcriptions.decodingRound} + 1`,
    })
    .where(and(eq(transcriptions.id, id), isUnfinished))
    .returning()
  return row ?? null
}
