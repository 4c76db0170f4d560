import type { Transaction } from '../../db/database.ts'
import { CLIP_SECONDS, SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { NewJob } from '../../queue/jobs.ts'
import type { Queue } from '../../queue/queue.ts'
import { readRank } from '../open-work.store.ts'
import { insertSpans, type SpanRange } from '../spans.store.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** Inserts spans and their jobs. */
export async function addSpans(
  tx: Transaction,
  {
    queue,
    transcription,
    ranges,
  }: { queue: Pick<Queue, 'enqueue'>; transcription: Transcription; ranges: SpanRange[] },
) {
  const spans = await insertSpans(tx, { transcriptionId: transcription.id, ranges })
  const rank = await rankOf(tx, transcription)
  await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...rank })) })
}

/**
 * Enqueues spans, the short ones (clips) in a queue of their own: many clips at once fill an engine's
 * batches, and no clip waits for a worker that has a long span.
 */
export async function enqueueSpans(
  tx: Transaction,
  {
    queue,
    spans,
    delaySeconds = 0,
  }: { queue: Pick<Queue, 'enqueue'>; spans: PendingSpan[]; delaySeconds?: number },
) {
  const byQueue = Object.groupBy(spans, ({ startSample, endSample }) =>
    endSample - startSample <= CLIP_SAMPLES ? 'clip' : 'span',
  )
  const jobOf = (span: PendingSpan) => ({ ...spanJob(span), delaySeconds })
  await queue.enqueue(tx, 'span', (byQueue.span ?? []).map(jobOf))
  await queue.enqueue(tx, 'clip', (byQueue.clip ?? []).map(jobOf))
}

type PendingSpan = { id: string; startSample: number; endSample: number; userId: string } & Partial<QueueRank>

export type QueueRank = {
  userId: string
  /** The user's priority. A higher one always goes first. */
  priority: number
  /** Number of the user's open transcriptions that are older. */
  ahead: number
}

/** The rank of a transcription's jobs. */
export async function rankOf(
  tx: Transaction,
  { userId, createdAt }: { userId: string; createdAt: Date },
): Promise<QueueRank> {
  return { userId, ...(await readRank(tx, { userId, createdAt })) }
}

export type ToPrepare = Pick<
  Transcription,
  'id' | 'userId' | 'claimedSeconds' | 'channels' | 'audioChannels' | 'audioBytes'
>

/**
 * Enqueues recordings to prepare, the short ones in a queue of their own, so that none waits for a worker
 * that decodes a long one. `isLong`: the recordings turned out to be long.
 */
export async function enqueuePrepare(
  tx: Transaction,
  {
    queue,
    recordings,
    isLong = false,
  }: { queue: Pick<Queue, 'enqueue'>; recordings: (ToPrepare & Partial<QueueRank>)[]; isLong?: boolean },
) {
  const byQueue = Object.groupBy(recordings, (recording) =>
    isShort(recording) && !isLong ? 'prepare' : 'prepare_long',
  )
  await queue.enqueue(tx, 'prepare', (byQueue.prepare ?? []).map(prepareJob))
  await queue.enqueue(tx, 'prepare_long', (byQueue.prepare_long ?? []).map(prepareJob))
}

function prepareJob({
  id,
  userId,
  priority = 0,
  ahead = 0,
}: ToPrepare & Partial<QueueRank>): NewJob<'prepare'> {
  return {
    data: { transcriptionId: id },
    priority: priority * RANKS_PER_PRIORITY - ahead,
    group: userId,
  }
}

/** Whether its pcm fits in one piece, by the length in its header; if the header has none, by its size. */
function isShort({ claimedSeconds, channels, audioChannels, audioBytes }: ToPrepare): boolean {
  if (claimedSeconds === null) return audioBytes <= SHORT_BYTES
  return (channels === 'split' ? audioChannels : 1) * claimedSeconds * SAMPLE_RATE <= SAMPLES_PER_PIECE
}

const SHORT_BYTES = 8 * 2 ** 20

/**
 * The rank rises by one for every 30 s of the file before the span, so that short files finish early, and for
 * every older open file of the user, so that a user with many files does not delay others.
 */
function spanJob({ id, startSample, userId, priority = 0, ahead = 0 }: PendingSpan): NewJob<'span' | 'clip'> {
  const rank = Math.floor(startSample / SAMPLES_PER_RANK) + ahead
  return { data: { spanId: id }, priority: priority * RANKS_PER_PRIORITY - rank, group: userId }
}

const CLIP_SAMPLES = CLIP_SECONDS * SAMPLE_RATE

/** More than the ranks of the longest audio (14 days). */
const RANKS_PER_PRIORITY = 100_000

/** Spans that start in the same 30 s of their files have the same rank: first in, first out. */
const SAMPLES_PER_RANK = 30 * SAMPLE_RATE
