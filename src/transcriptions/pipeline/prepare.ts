import { isOutage } from '../../db/outage.ts'
import { type ErrorCode, VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Jobs } from '../../queue/jobs.ts'
import { Postponed } from '../../queue/queue.ts'
import { codeOf, type TraceSpan, waited, withTraceSpan } from '../../traces/traces.ts'
import { findRecordedRemovals } from '../removals.store.ts'
import { folderOf, pcmFolder } from '../storage-keys.ts'
import {
  adoptTrace,
  countFailure,
  fail,
  findTranscription,
  isFinished,
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
/** Retry delays: `ahead` if enough of the user's audio is decoded, `full` if the storage is full. */
const RETRY_SECONDS = { ahead: 5, full: 30 }

/** The recording was moved to the queue `prepare_long`. */
class MovedToLongQueue extends Error {}

type Attempt = { signal: AbortSignal; traceSpan: TraceSpan; isWanted: () => Promise<boolean> }

/**
 * Handles `prepare` jobs. Decodes the audio into pcm in storage, and writes its envelopes, its spans and
 * finally its length to the database. A span gets its job as soon as its pcm is stored, while the rest is
 * still being decoded. A repeated job continues after the planned spans. Audio that cannot be decoded fails
 * its transcription.
 *
 * At most `decodeAheadSeconds` of a user's audio is decoded ahead of the engines, because pcm can be 36,000
 * times as large as the audio. `isShort`: for the queue of short recordings; longer ones are moved to
 * `prepare_long`.
 */
export function createPrepare(services: WorkServices, { isShort = false }: { isShort?: boolean } = {}) {
  const { db, queue, traces, decodeAheadSeconds } = services

  async function moveToLongQueue(row: Transcription): Promise<never> {
    await db.transaction(async (tx) => {
      const rank = await rankOf(tx, row)
      await enqueuePrepare(tx, { queue, recordings: [{ ...row, ...rank }], isLong: true })
    })
    throw new MovedToLongQueue()
  }

  async function prepare(row: Transcription, { signal, traceSpan, isWanted }: Attempt) {
    const { id } = row
    using watched = watchCancellation(services, id)
    const abandoned = new AbortController()
    const stop = AbortSignal.any([signal, watched.canceled, abandoned.signal])
    let isPlanned = false
    try {
      await decodeChannels(services, {
        row,
        signal: stop,
        traceSpan,
        isShort,
        isWanted,
        onAbandoned: () => abandoned.abort(),
        onLong: () => moveToLongQueue(row),
      })
      isPlanned = !stop.aborted
    } catch (error) {
      signal.throwIfAborted()
      if (stop.aborted || error instanceof MovedToLongQueue) return
      await handleFailure(services, { id, traceSpan, error })
    } finally {
      // Whoever ends the transcription later removes the files.
      if (!isPlanned) await cleanUp(services, id)
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
      const current = await findTranscription(db, id)
      if (!current || isFinished(current) || current.totalSamples !== null) return
      throw new Postponed('enough of the user’s audio is decoded', { seconds: RETRY_SECONDS.ahead })
    }
    if (row.totalSamples !== null) return
    const attributes = { 'verbatim.transcription.id': id, ...waited(since) }
    const options = { name: 'prepare', kind: 'consumer', parent: row.traceparent, attributes } as const
    await withTraceSpan(traces, options, async (traceSpan) => {
      await adoptTrace(db, row, traceSpan)
      await prepare(row, { signal, traceSpan, isWanted })
    })
  }
}

function reasonOf(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof VerbatimError && error.code === 'not_found') {
    const { code, message } = audioMissing(error)
    return { code, message }
  }
  return { code: 'internal', message: 'The audio could not be decoded after several attempts' }
}

/**
 * Removes the files of a transcription without a row. Without a recorded deletion, the database may be an
 * older copy: then the original stays.
 */
async function removeFilesWithoutRow({ db, storage }: WorkServices, id: string): Promise<void> {
  const isDeleted = (await findRecordedRemovals(db, [folderOf(id)])).size > 0
  await storage.remove(isDeleted ? folderOf(id) : pcmFolder(id))
}

/** Errors of the audio itself: another attempt would not help. */
const FINAL_CODES = new Set([
  'corrupt',
  'empty',
  'no_audio_track',
  'unsupported_type',
  'too_long',
  'part_outside',
  'track_outside',
])

/** Fails the transcription with the reason, or throws, so that the job is retried. */
async function handleFailure(
  { db, log }: WorkServices,
  { id, traceSpan, error }: { id: string; traceSpan: TraceSpan; error: unknown },
): Promise<void> {
  if (error instanceof Postponed) throw error
  traceSpan.fail(codeOf(error))
  if (error instanceof VerbatimError) {
    if (FINAL_CODES.has(error.code)) return fail(db, { id, code: error.code, message: error.message })
    if (error.code === 'storage_full') {
      log(`preparing ${id} is postponed: the storage is full`, error)
      throw new Postponed(error.message, { seconds: RETRY_SECONDS.full })
    }
  }
  log(`preparing ${id} failed`, error)
  if (isOutage(error)) throw error
  if ((await countFailure(db, id)) < MAX_FAILURES) throw error
  await fail(db, { id, ...reasonOf(error) })
}

/** Removes files that were written after the transcription was deleted or had finished. */
async function cleanUp(services: WorkServices, id: string): Promise<void> {
  const row = await findTranscription(services.db, id)
  if (!row) await removeFilesWithoutRow(services, id)
  else if (isFinished(row)) await removePcm(services, id)
}
