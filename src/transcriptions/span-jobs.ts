import type { Transaction } from '../db/database.ts'
import { SAMPLE_RATE } from '../media/media.ts'
import type { NewJob, Queue } from '../queue/queue.ts'
import { insertSpans, type SpanRange } from './spans.store.ts'
import { countOpen, type Transcription } from './transcriptions.store.ts'

/** Writes spans with their jobs. */
export async function addSpans(
  tx: Transaction,
  { queue, transcription, ranges }: { queue: Queue; transcription: Transcription; ranges: SpanRange[] },
) {
  const { id, userId } = transcription
  const spans = await insertSpans(tx, { transcriptionId: id, ranges })
  const before = await countOpen(tx, transcription)
  await queue.enqueue(
    tx,
    'span',
    spans.map((span) => spanJob({ ...span, userId, before })),
  )
}

/**
 * Early spans go first, whatever file they are of, so that short files end early; of a user's files each is a turn later than
 * the one `before` it, so that who sends many does not keep others waiting.
 */
export function spanJob({
  id,
  startSample,
  userId,
  before = 0,
}: {
  id: string
  startSample: number
  userId: string
  before?: number
}): NewJob<'span'> {
  return {
    data: { spanId: id },
    priority: -Math.floor(startSample / SAMPLES_PER_TURN) - before,
    group: userId,
  }
}

/** Spans that start within the same half minute of their files take turns as they came. */
const SAMPLES_PER_TURN = 30 * SAMPLE_RATE
