import { isOutage } from '../db/outage.ts'
import { type ErrorCode, VerbatimError } from '../errors.ts'
import { BYTES_PER_SECOND } from '../media/media.ts'
import type { Jobs } from '../queue/jobs.ts'
import { codeOf, inStep, type Step, waited } from '../traces/traces.ts'
import { audioKey, folderOf, pcmFolder } from './keys.ts'
import { createPlan } from './plan.ts'
import { audioMissing } from './prepare-again.ts'
import { findRecordedRemovals } from './removals.store.ts'
import {
  countFailure,
  countPieces,
  fail,
  findTranscription,
  setSound,
  setTraceparent,
  type Transcription,
  takeUp,
} from './transcriptions.store.ts'
import { watch } from './watch.ts'
import type { WorkServices } from './work-services.ts'

const MAX_FAILURES = 5

/**
 * Prepare: audio → pcm in storage, one of each channel that is transcribed apart, and its envelopes, its span plan and at
 * last its true length in the database. Spans are planned, with a job for each, as soon as their pcm is there, while the
 * rest is still being decoded. One that is taken up again, wherever it broke off, goes on behind what is planned. Audio that
 * cannot be decoded fails its transcription with the reason.
 */
export function createPrepare(services: WorkServices) {
  const { db, traces, log } = services

  async function prepare(row: Transcription, { signal, step }: { signal: AbortSignal; step: Step }) {
    const { id } = row
    using watched = watch(services, id)
    const elsewhere = new AbortController()
    const stop = AbortSignal.any([signal, watched.over, elsewhere.signal])
    try {
      await decodeChannels(services, { row, signal: stop, step, onDoneElsewhere: () => elsewhere.abort() })
    } catch (error) {
      signal.throwIfAborted()
      if (stop.aborted) return
      step.fail(codeOf(error))
      if (error instanceof VerbatimError && OF_THE_AUDIO.has(error.code)) {
        return fail(db, { id, code: error.code, message: error.message })
      }
      log(`preparing ${id} failed`, error)
      if (isOutage(error)) throw error
      if ((await countFailure(db, id)) >= MAX_FAILURES) return fail(db, { id, ...reasonOf(error) })
      throw error
    } finally {
      // Whoever deleted it meanwhile could not know of the pcm that was still being written.
      if (!(await findTranscription(db, id))) await removeRest(services, id)
    }
  }

  return async ({ transcriptionId: id }: Jobs['prepare'], signal: AbortSignal, since = new Date()) => {
    const row = await takeUp(db, id)
    if (!row || row.totalSamples !== null) return
    const facts = { 'verbatim.transcription.id': id, ...waited(since) }
    const about = { name: 'prepare', kind: 'consumer', parent: row.traceparent, facts } as const
    await inStep(traces, about, async (step) => {
      // What comes of one that was uploaded where no traces are kept belongs together all the same.
      if (row.traceparent === null && step.traceparent) await setTraceparent(db, { id, ...step })
      await prepare(row, { signal, step })
    })
  }
}

function reasonOf(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof VerbatimError && error.code === 'not_found') {
    const { code, message } = audioMissing(error)
    return { code, message }
  }
  return { code: 'internal', message: 'The audio could not be prepared, after several tries' }
}

/** Without a recorded deletion, a missing row may be the fault of an older database: then the original stays. */
async function removeRest({ db, storage }: WorkServices, id: string): Promise<void> {
  const isDeleted = (await findRecordedRemovals(db, [folderOf(id)])).size > 0
  await storage.remove(isDeleted ? folderOf(id) : pcmFolder(id))
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

type Decoding = {
  row: Transcription
  signal: AbortSignal
  step: Step
  /** Another delivery of the same job has come to the end. */
  onDoneElsewhere: () => void
}

/** All channels mixed to one, or, where they are transcribed apart, one after another. */
async function decodeChannels(
  services: WorkServices,
  { row: found, signal, step, onDoneElsewhere }: Decoding,
) {
  const { db, storage, media, maxAudioSeconds } = services
  const stored = await countPieces(db, found.id)
  await storage.withFile(audioKey(found.id), async (path) => {
    const row = found.codec === null ? await probed(services, { row: found, path, signal }) : found
    step.tell({ 'verbatim.audio.codec': row.codec ?? 'unknown' })
    const split = row.channels === 'split'
    const channels = split ? row.audioChannels : 1
    let spans = 0
    let seconds = 0
    for (let channel = 0; channel < channels; channel++) {
      const extend = createPlan(services, {
        ...{ row, channel, channels, stored: stored.get(channel) ?? 0 },
        onPlanned: (more) => {
          spans += more
        },
      })
      await media.decode({
        path,
        maxSeconds: maxAudioSeconds / channels,
        channel: split ? channel : null,
        signal,
        async take(piece) {
          if (!(await extend(piece))) onDoneElsewhere()
          if (channel === 0) seconds += piece.pcm.length / BYTES_PER_SECOND
        },
      })
    }
    step.tell({ 'verbatim.audio.seconds': seconds, 'verbatim.spans': spans })
  })
}

/** What could not be told of it where it was uploaded. */
async function probed(
  { db, media }: WorkServices,
  { row, path, signal }: { row: Transcription; path: string; signal: AbortSignal },
): Promise<Transcription> {
  const { codec, channels: audioChannels, claimedSeconds } = await media.probe(path, signal)
  return (await setSound(db, { id: row.id, codec, audioChannels, claimedSeconds })) ?? row
}
