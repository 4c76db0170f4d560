import { and, asc, count, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Queries } from '../db/database.ts'
import { spans, transcriptions, users } from '../db/schema.ts'
import { isOpen, type Transcription } from './transcriptions.store.ts'

/** Counts a user's open transcriptions. */
export async function countOpen(db: Queries, { userId }: { userId: string }): Promise<number> {
  const [row] = await db
    .select({ count: count() })
    .from(transcriptions)
    .where(and(eq(transcriptions.userId, userId), isOpen))
  return row?.count ?? 0
}

const others = alias(transcriptions, 'others')

/**
 * A user's samples that are decoded but not transcribed. Queued transcriptions have none, so that the index
 * on `processing` is enough.
 */
export const aheadQuery = (db: Queries, userId: string | typeof transcriptions.userId) =>
  db
    .select({
      samples: sql<number>`coalesce(sum(greatest(${others.decodedSamples} - ${others.doneSamples}, 0)), 0)::float8`,
    })
    .from(others)
    .where(and(eq(others.userId, userId), eq(others.status, 'processing')))

type RankKeys = { userId: string; createdAt?: Date }

function rankColumns(db: Queries, { userId, createdAt }: RankKeys) {
  const older = db
    .select({ count: count() })
    .from(transcriptions)
    .where(
      and(eq(transcriptions.userId, userId), isOpen, createdAt && lt(transcriptions.createdAt, createdAt)),
    )
  return { priority: users.priority, ahead: sql<number>`(${older})::int` }
}

/**
 * A user's priority, and the number of open transcriptions; with `createdAt`, only of those that were created
 * before it.
 */
export async function readRank(db: Queries, keys: RankKeys): Promise<{ priority: number; ahead: number }> {
  const [row] = await db.select(rankColumns(db, keys)).from(users).where(eq(users.id, keys.userId))
  return row ?? { priority: 0, ahead: 0 }
}

/** As `readRank`, and the user's samples that are decoded but not transcribed. */
export async function readRankAndAhead(
  db: Queries,
  keys: RankKeys,
): Promise<{ priority: number; ahead: number; aheadSamples: number }> {
  const { userId } = keys
  const [row] = await db
    .select({ ...rankColumns(db, keys), aheadSamples: sql<number>`(${aheadQuery(db, userId)})` })
    .from(users)
    .where(eq(users.id, userId))
  return row ?? { priority: 0, ahead: 0, aheadSamples: 0 }
}

/** Counts the open transcriptions of all users by status. */
export async function countOpenByStatus(db: Queries): Promise<Record<string, number>> {
  const rows = await db
    .select({ status: transcriptions.status, count: count() })
    .from(transcriptions)
    .where(isOpen)
    .groupBy(transcriptions.status)
  return { queued: 0, processing: 0, ...Object.fromEntries(rows.map((row) => [row.status, row.count])) }
}

/**
 * Lists unfinished work, oldest first: transcriptions to prepare and spans to transcribe. `ahead` is the
 * number of open transcriptions of the same user that are older (see `QueueRank`).
 */
export async function listOpen(db: Queries) {
  const { userId, createdAt, totalSamples } = transcriptions
  const open = db
    .select({
      id: transcriptions.id,
      userId,
      createdAt,
      totalSamples,
      claimedSeconds: transcriptions.claimedSeconds,
      channels: transcriptions.channels,
      audioChannels: transcriptions.audioChannels,
      audioBytes: transcriptions.audioBytes,
      priority: users.priority,
      ahead: sql<number>`(rank() over (partition by ${userId} order by ${createdAt}) - 1)::int`.as('ahead'),
    })
    .from(transcriptions)
    .innerJoin(users, eq(users.id, userId))
    .where(isOpen)
    .as('open')
  const rank = { userId: open.userId, priority: open.priority, ahead: open.ahead }
  const toPrepare = await db
    .select({
      id: open.id,
      claimedSeconds: open.claimedSeconds,
      channels: open.channels,
      audioChannels: open.audioChannels,
      audioBytes: open.audioBytes,
      ...rank,
    })
    .from(open)
    .where(isNull(open.totalSamples))
    .orderBy(asc(open.createdAt))
  const toTranscribe = await db
    .select({ id: spans.id, startSample: spans.startSample, endSample: spans.endSample, ...rank })
    .from(spans)
    .innerJoin(open, eq(spans.transcriptionId, open.id))
    .where(inArray(spans.state, ['queued', 'running']))
    .orderBy(asc(open.createdAt), asc(spans.startSample))
  return { toPrepare, toTranscribe }
}

export type OpenTranscription = Pick<Transcription, 'id' | 'createdAt' | 'workSeconds' | 'doneSamples'>

/** Lists the open transcriptions of all users, oldest first, with the lengths that an ETA needs. */
export async function listOpenLengths(db: Queries): Promise<OpenTranscription[]> {
  return db
    .select({
      id: transcriptions.id,
      createdAt: transcriptions.createdAt,
      workSeconds: transcriptions.workSeconds,
      doneSamples: transcriptions.doneSamples,
    })
    .from(transcriptions)
    .where(isOpen)
    .orderBy(asc(transcriptions.createdAt))
}
