import { priorityOf } from '../../auth/users.store.ts'
import type { Transaction } from '../../db/database.ts'
import { SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { NewJob } from '../../queue/jobs.ts'
import type { Queue } from '../../queue/queue.ts'
import { countOpen } from '../open-work.store.ts'
import { insertSpans, type SpanRange } from '../spans.store.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** Writes spans with their jobs. */
export async function addSpans(
  tx: Transaction,
  {
    queue,
    transcription,
    ranges,
  }: { queue: Pick<Queue, 'enqueue'>; transcription: Transcription; ranges: SpanRange[] },
) {
  const spans = await insertSpans(tx, { transcriptionId: transcription.id, ranges })
  const turn = await rankOf(tx, transcription)
  await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...turn })) })
}

/**
 * Makes the jobs of spans, the short ones in a queue of their own: many of them at once fill an engine's batches, and none
 * waits for a worker that is at a long one.
 */
export async function enqueueSpans(
  tx: Transaction,
  {
    queue,
    spans,
    delaySeconds = 0,
  }: { queue: Pick<Queue, 'enqueue'>; spans: SpanToDo[]; delaySeconds?: number },
) {
  const { clip = [], span = [] } = Object.groupBy(spans, (one) =>
    one.endSample - one.startSample <= CLIP_SAMPLES ? 'clip' : 'span',
  )
  const job = (one: SpanToDo) => ({ ...spanJob(one), delaySeconds })
  await queue.enqueue(tx, 'span', span.map(job))
  await queue.enqueue(tx, 'clip', clip.map(job))
}

type SpanToDo = { id: string; startSample: number; endSample: number; userId: string } & Partial<QueueRank>

export type QueueRank = {
  userId: string
  /** The user's; higher goes first, whatever else there is. */
  priority: number
  /** How many of the user's transcriptions come before it. */
  ahead: number
}

/** The turn of a transcription's jobs; without `createdAt`, of one that would be written down now. */
export async function rankOf(
  tx: Transaction,
  { userId, createdAt }: { userId: string; createdAt?: Date },
): Promise<QueueRank> {
  const ahead = await countOpen(tx, { userId, ...(createdAt && { createdAt }) })
  return { userId, priority: await priorityOf(tx, userId), ahead }
}

export type ToPrepare = Pick<
  Transcription,
  'id' | 'userId' | 'claimedSeconds' | 'channels' | 'audioChannels' | 'audioBytes'
>

/**
 * Makes the jobs that prepare recordings, the short ones in a queue of their own, so that none waits for a worker that decodes a
 * long one. `isLong`: of recordings that have turned out to be long.
 */
export async function enqueuePrepare(
  tx: Transaction,
  {
    queue,
    recordings,
    isLong = false,
  }: { queue: Pick<Queue, 'enqueue'>; recordings: (ToPrepare & Partial<QueueRank>)[]; isLong?: boolean },
) {
  const { prepare = [], prepare_long = [] } = Object.groupBy(recordings, (one) =>
    isShort(one) && !isLong ? 'prepare' : 'prepare_long',
  )
  await queue.enqueue(tx, 'prepare', prepare.map(prepareJob))
  await queue.enqueue(tx, 'prepare_long', prepare_long.map(prepareJob))
}

function prepareJob({
  id,
  userId,
  priority = 0,
  ahead = 0,
}: ToPrepare & Partial<QueueRank>): NewJob<'prepare'> {
  return {
    data: { transcriptionId: id },
    priority: priority * TURNS_PER_PRIORITY - ahead,
    group: userId,
  }
}

/** Whether all that is decoded of it fits in one piece, as its header says; if that says nothing, by its size. */
function isShort({ claimedSeconds, channels, audioChannels, audioBytes }: ToPrepare): boolean {
  if (claimedSeconds === null) return audioBytes <= SHORT_BYTES
  return (channels === 'split' ? audioChannels : 1) * claimedSeconds * SAMPLE_RATE <= SAMPLES_PER_PIECE
}

const SHORT_BYTES = 8 * 2 ** 20

/**
 * Early spans go first, whatever file they are of, so that short files end early; of a user's files each is a turn later than
 * the one before it, so that who sends many does not keep others waiting.
 */
function spanJob({ id, startSample, userId, priority = 0, ahead = 0 }: SpanToDo): NewJob<'span' | 'clip'> {
  const turn = Math.floor(startSample / SAMPLES_PER_TURN) + ahead
  return { data: { spanId: id }, priority: priority * TURNS_PER_PRIORITY - turn, group: userId }
}

const CLIP_SAMPLES = 30 * SAMPLE_RATE

/** More than there are in the longest audio, of 14 days. */
const TURNS_PER_PRIORITY = 100_000

/** Spans that start within the same half minute of their files take turns as they came. */
const SAMPLES_PER_TURN = 30 * SAMPLE_RATE
