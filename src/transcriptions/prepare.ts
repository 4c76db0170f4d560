import type { Changes } from '../db/changes.ts'
import type { Database, Transaction } from '../db/database.ts'
import type { Engines } from '../engines/preference.ts'
import { VerbatimError } from '../errors.ts'
import { type DecodedAudio, type Media, SAMPLE_RATE } from '../media/media.ts'
import { planSpans } from '../media/span-plan.ts'
import type { Jobs, NewJob, Queue } from '../queue/queue.ts'
import type { Storage } from '../storage/storage.ts'
import { audioKey, folderOf, pcmKey } from './keys.ts'
import { type Part, partOf } from './part.ts'
import { insertSpans, type SpanRange } from './spans.store.ts'
import {
  countFailure,
  countOpen,
  fail,
  findTranscription,
  insertPlan,
  type Transcription,
  takeUp,
} from './transcriptions.store.ts'
import { watch } from './watch.ts'

const MAX_FAILURES = 5

export type WorkServices = {
  db: Database
  changes: Changes
  queue: Queue
  storage: Storage
  media: Media
  engines: Engines
  maxAudioSeconds: number
  /** Spans of one user that engines are at, on all machines together; undefined: as many as there is room for. */
  maxConcurrentPerUser: number | undefined
  log: (line: string, error?: unknown) => void
}

/**
 * Prepare: audio → pcm in storage, one of each channel that is transcribed apart, and its true length, its envelopes and
 * its span plan in the database with a job for each span, in one transaction. Audio that cannot be decoded fails its
 * transcription with the reason.
 */
export function createPrepare(services: WorkServices) {
  const { db, queue, storage, log } = services
  return async ({ transcriptionId: id }: Jobs['prepare'], signal: AbortSignal): Promise<void> => {
    const row = await takeUp(db, id)
    if (!row || row.totalSamples !== null) return
    using watched = watch(services, id)
    const stop = AbortSignal.any([signal, watched.over])
    try {
      const decoded = await decodeChannels(services, { row, signal: stop })
      const totalSamples = Math.max(...decoded.map(({ samples }) => samples))
      const part = partOf(row, totalSamples)
      const ranges = decoded.flatMap((one) => planChannel(services, { ...one, part }))
      await db.transaction(async (tx) => {
        const workSamples = decoded.length * (part.endSample - part.startSample)
        const plan = { id, totalSamples, workSamples, envelopes: decoded.map(withoutSamples) }
        if (await insertPlan(tx, plan)) await addSpans(tx, { queue, transcription: row, ranges })
      })
    } catch (error) {
      signal.throwIfAborted()
      if (stop.aborted) return
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
    } finally {
      // Who removed it meanwhile could not know of the pcm that was still being written.
      if (!(await findTranscription(db, id))) await storage.remove(folderOf(id))
    }
  }
}

/** Trying again would not help. */
const OF_THE_AUDIO = new Set([
  'corrupt',
  'empty',
  'no_audio_track',
  'unsupported_type',
  'too_long',
  'part_outside',
])

type Channel = DecodedAudio & { channel: number }

/** All channels mixed to one, or, where they are transcribed apart, one after another. */
async function decodeChannels(
  { storage, media, maxAudioSeconds }: WorkServices,
  { row, signal }: { row: Transcription; signal: AbortSignal },
): Promise<Channel[]> {
  const split = row.channels === 'split'
  const count = split ? row.audioChannels : 1
  return storage.withFile(audioKey(row.id), async (path) => {
    const decoded: Channel[] = []
    for (let channel = 0; channel < count; channel++) {
      const audio = await storage.fromFile(pcmKey(row.id, channel), (pcmPath) =>
        media.decode({
          path,
          pcmPath,
          maxSeconds: maxAudioSeconds / count,
          channel: split ? channel : null,
          signal,
        }),
      )
      decoded.push({ channel, ...audio })
    }
    return decoded
  })
}

function planChannel({ engines }: WorkServices, { channel, levels, part }: Channel & { part: Part }) {
  const ranges = planSpans({
    levels,
    ...part,
    targetSeconds: engines.targetSpanSeconds,
    maxSeconds: engines.maxSpanSeconds,
  })
  return ranges.map((range) => ({ channel, ...range }))
}

const withoutSamples = ({ channel, levels, peaks }: Channel) => ({ channel, levels, peaks })

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
