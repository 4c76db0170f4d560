import { isOutage } from '../../db/outage.ts'
import { type ErrorCode, VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Jobs } from '../../queue/jobs.ts'
import { Postponed } from '../../queue/queue.ts'
import { codeOf, type TraceSpan, waited, withTraceSpan } from '../../traces/traces.ts'
import { findRecordedRemovals } from '../removals.store.ts'
import { folderOf, pcmFolder } from '../storage-keys.ts'
import {
  countFailure,
  fail,
  findTranscription,
  isFinished,
  setTraceparent,
  type Transcription,
} from '../transcriptions.store.ts'
import { watchCancellation } from './cancellation.ts'
import { decodeChannels } from './decode-channels.ts'
import { startProcessing } from './decoded.store.ts'
import { removePcm } from './pcm.ts'
import { audioMissing } from './prepare-again.ts'
import { enqueuePrepare, rankOf } from './span-jobs.ts'
import type { WorkServices } from './work-services.ts'

const MAX_FAILURES = 5
/** A recording whose user has enough decoded, or for which there is no room on the disk, is looked at again after so long. */
const AGAIN_SECONDS = { ahead: 5, full: 30 }

/** A recording goes on in the queue of long ones. */
class HandedOver extends Error {}

type Attempt = { signal: AbortSignal; step: TraceSpan; isWanted: () => Promise<boolean> }

/**
 * Prepare: audio → pcm in storage, one of each channel that is transcribed apart, and its envelopes, its span plan and at
 * last its true length in the database. Spans are planned, with a job for each, as soon as their pcm is there, while the
 * rest is still being decoded. One that is taken up again, wherever it broke off, goes on behind what is planned. Audio that
 * cannot be decoded fails its transcription with the reason.
 *
 * No more than `decodeAheadSeconds` of a user's audio is decoded ahead of the engines: pcm takes up to 36,000 times the room
 * of the audio. `isShort`: jobs are of short recordings; one that is not is handed over to the queue of the long ones.
 */
export function createPrepare(services: WorkServices, { isShort = false }: { isShort?: boolean } = {}) {
  const { db, queue, traces, decodeAheadSeconds } = services

  async function handOver(row: Transcription): Promise<never> {
    await db.transaction(async (tx) => {
      const turn = await rankOf(tx, row)
      await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...turn }], isLong: true })
    })
    throw new HandedOver()
  }

  async function prepare(row: Transcription, { signal, step, isWanted }: Attempt) {
    const { id } = row
    using watched = watchCancellation(services, id)
    const elsewhere = new AbortController()
    const stop = AbortSignal.any([signal, watched.over, elsewhere.signal])
    try {
      await decodeChannels(services, {
        ...{ row, signal: stop, step, isShort, isWanted },
        onOver: () => elsewhere.abort(),
        onLong: () => handOver(row),
      })
    } catch (error) {
      signal.throwIfAborted()
      if (stop.aborted || error instanceof HandedOver) return
      await settle(services, { id, step, error })
    } finally {
      await tidy(services, id)
    }
  }

  return async (
    { transcriptionId: id }: Jobs['prepare'],
    signal: AbortSignal,
    since = new Date(),
    isWanted = async () => false,
  ) => {
    const row = await startProcessing(db, id, { maxAheadSamples: decodeAheadSeconds * SAMPLE_RATE })
    if (!row) {
      const found = await findTranscription(db, id)
      if (!found || isFinished(found) || found.totalSamples !== null) return
      throw new Postponed('enough of the user’s audio is decoded', { seconds: AGAIN_SECONDS.ahead })
    }
    if (row.totalSamples !== null) return
    const attributes = { 'verbatim.transcription.id': id, ...waited(since) }
    const about = { name: 'prepare', kind: 'consumer', parent: row.traceparent, attributes } as const
    await withTraceSpan(traces, about, async (step) => {
      // What comes of one that was uploaded where no traces are kept belongs together all the same.
      if (row.traceparent === null && step.traceparent) await setTraceparent(db, { id, ...step })
      await prepare(row, { signal, step, isWanted })
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

/** Fails the transcription with the reason, or throws, so that its job comes back. */
async function settle(
  { db, log }: WorkServices,
  { id, step, error }: { id: string; step: TraceSpan; error: unknown },
): Promise<void> {
  if (error instanceof Postponed) throw error
  step.fail(codeOf(error))
  if (error instanceof VerbatimError) {
    if (OF_THE_AUDIO.has(error.code)) return fail(db, { id, code: error.code, message: error.message })
    if (error.code === 'storage_full') {
      log(`preparing ${id} waits for room in the storage`, error)
      throw new Postponed(error.message, { seconds: AGAIN_SECONDS.full })
    }
  }
  log(`preparing ${id} failed`, error)
  if (isOutage(error)) throw error
  if ((await countFailure(db, id)) < MAX_FAILURES) throw error
  await fail(db, { id, ...reasonOf(error) })
}

/** Removes what was still being written when the transcription was deleted, or was over. */
async function tidy(services: WorkServices, id: string): Promise<void> {
  const row = await findTranscription(services.db, id)
  if (!row) await removeRest(services, id)
  else if (isFinished(row)) await removePcm(services, id)
}
