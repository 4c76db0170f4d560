import type { Database, Transaction } from '../db/database.ts'
import type { Engine } from '../engines/engine.ts'
import { VerbatimError } from '../errors.ts'
import { type Media, SAMPLE_RATE } from '../media/media.ts'
import { planSpans } from '../media/span-plan.ts'
import type { Jobs, Queue } from '../queue/queue.ts'
import type { Storage } from '../storage/storage.ts'
import { audioKey, pcmKey } from './keys.ts'
import { insertSpans, type SpanRange } from './spans.store.ts'
import { countFailure, fail, insertPlan, takeUp } from './transcriptions.store.ts'

const MAX_FAILURES = 5

export type WorkServices = {
  db: Database
  queue: Queue
  storage: Storage
  media: Media
  engine: Engine
  maxAudioSeconds: number
  log: (line: string, error?: unknown) => void
}

/**
 * Prepare: audio → pcm in storage, and its true length, its envelope and its span plan in the database with a job for
 * each span, in one transaction. Audio that cannot be decoded fails its transcription with the reason.
 */
export function createPrepare({ db, queue, storage, media, engine, maxAudioSeconds, log }: WorkServices) {
  return async ({ transcriptionId: id }: Jobs['prepare'], signal: AbortSignal): Promise<void> => {
    const row = await takeUp(db, id)
    if (!row || row.totalSamples !== null) return
    try {
      const decoded = await storage.withFile(audioKey(id), (path) =>
        storage.fromFile(pcmKey(id), (pcmPath) =>
          media.decode({ path, pcmPath, maxSeconds: maxAudioSeconds, signal }),
        ),
      )
      const ranges = planSpans({
        levels: decoded.levels,
        startSample: 0,
        endSample: decoded.samples,
        targetSeconds: engine.targetSpanSeconds,
        maxSeconds: engine.maxSpanSeconds,
      })
      await db.transaction(async (tx) => {
        const first = await insertPlan(tx, { id, totalSamples: decoded.samples, levels: decoded.levels })
        if (first) await addSpans(tx, { queue, transcriptionId: id, ranges })
      })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof VerbatimError && OF_THE_AUDIO.has(error.code)) {
        return fail(db, { id, code: error.code, message: error.message })
      }
      log(`preparing ${id} failed`, error)
      if ((await countFailure(db, id)) >= MAX_FAILURES) {
        return fail(db, {
          id,
          code: 'internal',
          message: 'The audio could not be prepared, after several tries',
        })
      }
      throw error
    }
  }
}

/** Trying again would not help. */
const OF_THE_AUDIO = new Set(['corrupt', 'empty', 'no_audio_track', 'unsupported_type', 'too_long'])

/** Writes spans with their jobs. Early spans go first, whatever file they are of, so that short files end early. */
export async function addSpans(
  tx: Transaction,
  { queue, transcriptionId, ranges }: { queue: Queue; transcriptionId: string; ranges: SpanRange[] },
) {
  const spans = await insertSpans(tx, { transcriptionId, ranges })
  await queue.enqueue(tx, 'span', spans.map(spanJob))
}

export function spanJob({ id, startSample }: { id: string; startSample: number }) {
  return { data: { spanId: id }, priority: -Math.floor(startSample / SAMPLES_PER_TURN) }
}

/** Spans that start within the same half minute of their files take turns as they came. */
const SAMPLES_PER_TURN = 30 * SAMPLE_RATE
