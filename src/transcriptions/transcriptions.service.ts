import type { Changes } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Log } from '../log.ts'
import { SAMPLE_RATE } from '../media/media.ts'
import type { Objects } from '../storage/storage.ts'
import { isUuid } from '../uuid.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { type ListFilter as AskedList, countByStatus, listOwned } from './list.store.ts'
import { removePcm } from './pipeline/pcm.ts'
import { audioMissing } from './pipeline/prepare-again.ts'
import { type Change, changeStream, untilFinished } from './reading/change-stream.ts'
import { createEta } from './reading/eta.ts'
import type { LinkSigner } from './reading/signed-links.ts'
import { waveformOf } from './reading/waveform.ts'
import type { RemoveFolder } from './removal.ts'
import { workOf } from './spans.store.ts'
import { audioKey, folderOf } from './storage-keys.ts'
import { languagesOf } from './transcript/detected-languages.ts'
import { TEXT_FORMATS, type TextFormat } from './transcript/formats.ts'
import { inOrder } from './transcript/in-order.ts'
import { joinTexts } from './transcript/languages.ts'
import { verboseOf } from './transcript/verbose-json.ts'
import {
  cancelOwned,
  findTranscription,
  isFinished,
  peaksOf,
  prepareFindOwned,
  removeOwned,
  type StoredSegment,
  segmentsOf,
  type Transcription,
} from './transcriptions.store.ts'

type AskedTranscript = { id: string; userId: string; partial: boolean }

export type TranscriptionsService = ReturnType<typeof createTranscriptionsService>

/** What a client reads of its transcriptions. Everything throws `not_found` also for another user's. */
export function createTranscriptionsService({
  db,
  changes,
  storage,
  removeFolder,
  links,
  publicUrl,
  concurrencyLimit,
  log,
}: {
  db: Database
  changes: Changes
  storage: Pick<Objects, 'read' | 'remove'>
  removeFolder: RemoveFolder
  links: LinkSigner
  publicUrl: () => string
  /** Takes a place of the user's while an answer is held open. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
  log: Log
}) {
  const findOwned = prepareFindOwned(db)
  const outlook = createEta({ db })

  async function owned(keys: { id: string; userId: string }): Promise<Transcription> {
    const row = isUuid(keys.id) ? await findOwned(keys) : null
    if (!row) throw notFound()
    return row
  }

  async function statusOf(row: Transcription) {
    const expected = isFinished(row) ? null : await outlook(row.id)
    return {
      id: row.id,
      audio_file: row.audioRemovedAt ? null : publicUrl() + links.sign(audioPath(row.id)),
      transcription: row.text,
      status: row.status,
      created_at: seconds(row.createdAt),
      language: languageOf(row),
      task: row.task,
      channels: row.channels,
      start: row.partStart,
      end: row.partEnd,
      progress: progressOf(row),
      queue_position: expected?.queuePosition ?? null,
      estimated_seconds: expected && toTenths(expected.estimatedSeconds),
      duration: durationOf(row),
      filename: row.filename,
      size: row.audioBytes,
      sha256: row.audioSha256,
      codec: row.codec,
      completed_at: row.completedAt && seconds(row.completedAt),
      failure: failureOf(row),
    }
  }

  async function read({ partial, ...keys }: AskedTranscript) {
    const row = await owned(keys)
    if (!partial) requireCompleted(row)
    const segments = await segmentsOf(db, row)
    const languages = languagesOf(segments)
    return {
      row,
      segments,
      languages,
      language: row.language === 'auto' ? (row.detectedLanguage ?? languages[0] ?? null) : row.language,
      duration: (row.totalSamples ?? 0) / SAMPLE_RATE,
      text: row.text ?? joinTexts(segments.map(({ text }) => text)),
    }
  }

  return {
    /**
     * The seed's six fields and more beside them; `audio_file` is a link that expires. `until`: held back until the
     * transcription is over or that fires.
     */
    async status({ until, ...keys }: { id: string; userId: string; until?: AbortSignal }) {
      const row = await owned(keys)
      if (!until || isFinished(row)) return statusOf(row)
      using _place = concurrencyLimit(keys.userId)
      const later = await untilFinished({ db, changes }, { id: row.id, signal: until })
      if (!later) throw notFound()
      return statusOf(later)
    },

    /**
     * A page of a user's transcriptions, the latest first, and on the first page how many there are in all. Throws
     * `validation` (the cursor).
     */
    async list({ cursor, limit, ...asked }: Omit<AskedList, 'after'> & { cursor?: string }) {
      const after = cursor === undefined ? null : parseCursor(cursor)
      // One more than is told says whether there are more.
      const rows = await listOwned(db, { ...asked, after, limit: limit + 1 })
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        transcriptions: page.map(listed),
        next_cursor: last && rows.length > limit ? formatCursor(last) : null,
        ...(after === null && { counts: countsOf(await countByStatus(db, asked.userId)) }),
      }
    },

    /**
     * What becomes of a transcription, see `follow`: `status` events, and `segments` of each span that is finished.
     * `after`: the id of the last event that was heard.
     */
    async events({
      after,
      signal,
      ...keys
    }: {
      id: string
      userId: string
      after: number
      signal: AbortSignal
    }): Promise<AsyncGenerator<{ event: string; id?: string; data: unknown }, void>> {
      const { id } = await owned(keys)
      const told = changeStream({ db, changes }, { id, revision: after, signal })
      const place = concurrencyLimit(keys.userId)
      return (async function* () {
        using _place = place
        for await (const change of told) {
          if (change.kind === 'removed') yield { event: 'removed', data: { id } }
          else if (change.kind === 'state') {
            yield { event: 'status', id: String(change.revision), data: await statusOf(change.row) }
          } else {
            const { startSample, endSample, channel } = change.span
            yield {
              event: 'segments',
              id: String(change.revision),
              data: {
                start: startSample / SAMPLE_RATE,
                end: endSample / SAMPLE_RATE,
                segments: change.span.segments.map((one) => segmentOf({ ...one, channel }, change.row)),
              },
            }
          }
        }
      })()
    },

    /**
     * Resolves once it is completed. Throws what it failed of, `already_over` where it was canceled, `not_found` where it
     * was removed, and `stopping` when `signal` fires before.
     */
    async completion({
      signal,
      ...keys
    }: {
      id: string
      userId: string
      signal: AbortSignal
    }): Promise<void> {
      await owned(keys)
      using _place = concurrencyLimit(keys.userId)
      const row = await untilFinished({ db, changes }, { id: keys.id, signal })
      if (!row) throw notFound()
      if (!isFinished(row)) throw new VerbatimError('stopping', 'The service is stopping: send it again')
      if (row.status === 'completed') return
      if (row.status === 'canceled') throw new VerbatimError('already_over', 'The transcription was canceled')
      throw new VerbatimError(row.errorCode ?? 'internal', row.errorMessage ?? 'The transcription failed')
    },

    /** The text of one whose channels are mixed, piece by piece as it is done, to its end. */
    spoken({ id, signal }: { id: string; signal: AbortSignal }): AsyncGenerator<string, void> {
      return inOrder(spansOf(changeStream({ db, changes }, { id, revision: 0, signal })))
    },

    /** Ends it and removes its pcm; what is transcribed of it is kept. Throws `already_over`. */
    async cancel(keys: { id: string; userId: string }) {
      await owned(keys)
      const ended = await cancelOwned(db, keys)
      const row = await owned(keys)
      if (!ended && row.status !== 'canceled') {
        throw new VerbatimError('already_over', `The transcription is ${row.status} already`)
      }
      if (ended) await removePcm({ storage, log }, row.id)
      return statusOf(row)
    },

    /** With `partial`, what is done by now; else throws `not_ready` while it is under way, and `transcription_failed`. */
    async transcript(asked: AskedTranscript) {
      const { row, segments, languages, ...heard } = await read(asked)
      return {
        id: row.id,
        status: row.status,
        language: heard.language,
        languages,
        duration: heard.duration,
        engines: (await workOf(db, row.id)).map(workTold),
        text: heard.text,
        segments: segments.map((segment) => segmentOf(segment, row)),
      }
    },

    /** As `transcript`, in OpenAI's `verbose_json`. */
    async verboseTranscript(asked: AskedTranscript) {
      const { row, ...heard } = await read(asked)
      return verboseOf({ ...heard, task: row.task, hasWords: row.words })
    },

    /** As `transcript`, written in a format that is no JSON. */
    async writtenTranscript({ format, ...asked }: AskedTranscript & { format: TextFormat }): Promise<string> {
      return TEXT_FORMATS[format].write(await read(asked))
    },

    /** The shape of the sound, for a player to draw. Throws `not_ready` before it is known, and `validation`. */
    async waveform({ samplesPerPixel, ...keys }: { id: string; userId: string; samplesPerPixel?: number }) {
      const row = await owned(keys)
      if (row.totalSamples === null) {
        throw new VerbatimError('not_ready', `The transcription is ${row.status}: it has no waveform`)
      }
      return waveformOf(await peaksOf(db, row.id), samplesPerPixel)
    },

    /** Removes a transcription and every byte of it, whatever it is doing; if the storage is away, the bytes go with a sweep. */
    async remove(keys: { id: string; userId: string }): Promise<void> {
      if (!isUuid(keys.id) || !(await removeOwned(db, keys))) throw notFound()
      await removeFolder(folderOf(keys.id))
    },

    /** Removes every byte of transcriptions whose rows are gone. */
    async removeFiles(ids: string[]): Promise<void> {
      for (const id of ids) await removeFolder(folderOf(id))
    },

    /** The original, byte for byte, for whoever holds a link that is signed and not expired. Throws `audio_removed`. */
    async audio({ id, expires, signature }: { id: string; expires: number; signature: string }) {
      const row =
        isUuid(id) && links.verify({ path: audioPath(id), expires, signature })
          ? await findTranscription(db, id)
          : null
      if (!row) throw new VerbatimError('not_found', 'This audio link is not valid or has expired')
      if (row.audioRemovedAt) {
        throw new VerbatimError('audio_removed', 'The audio was removed; its transcript is kept')
      }
      return {
        etag: `"${row.audioSha256}"`,
        type: row.contentType,
        bytes: row.audioBytes,
        filename: row.filename ?? 'audio',
        read: (range: { start: number; end: number }) =>
          storage.read(audioKey(id), range).catch(missingAudio),
      }
    },
  }
}

function listed({ excerpt, ...row }: Awaited<ReturnType<typeof listOwned>>[number]) {
  return {
    id: row.id,
    status: row.status,
    created_at: seconds(row.createdAt),
    completed_at: row.completedAt && seconds(row.completedAt),
    language: languageOf(row),
    task: row.task,
    filename: row.filename,
    size: row.audioBytes,
    duration: durationOf(row),
    progress: progressOf(row),
    excerpt,
    failure: failureOf(row),
  }
}

async function* spansOf(changes: AsyncIterable<Change>) {
  for await (const change of changes) if (change.kind === 'span') yield change.span
}

function countsOf(rows: Awaited<ReturnType<typeof countByStatus>>) {
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, canceled: 0 }
  for (const { status, count } of rows) counts[status] = count
  return counts
}

function workTold({ engine, model, seconds }: Awaited<ReturnType<typeof workOf>>[number]) {
  return {
    engine: engine === 'huggingface' ? ('hosted' as const) : ('sidecar' as const),
    model: model ?? '',
    seconds,
  }
}

function segmentOf(
  { start, end, text, language, words, channel }: StoredSegment,
  row: Pick<Transcription, 'channels' | 'words'>,
) {
  return {
    start,
    end,
    text: text.trim(),
    language,
    ...(row.channels === 'split' && { channel }),
    ...(row.words && { words: words ?? [] }),
  }
}

function requireCompleted({ status, errorMessage }: Transcription): void {
  if (status === 'completed') return
  const rest = '?partial=true gives what is done of it'
  if (status === 'failed') {
    throw new VerbatimError('transcription_failed', `The transcription failed: ${errorMessage} (${rest})`)
  }
  throw new VerbatimError(
    'not_ready',
    `The transcription is ${status}: its transcript is not there yet (${rest})`,
  )
}

function missingAudio(error: unknown): never {
  const isMissing = error instanceof VerbatimError && error.code === 'not_found'
  throw isMissing ? audioMissing(error) : error
}

function notFound() {
  return new VerbatimError('not_found', 'Transcription not found')
}

const audioPath = (id: string) => `/api/transcriptions/${id}/audio`

/** `2023-01-01T12:00:00Z` */
function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}

const toTenths = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 10) / 10)

/** As asked for; with `auto` what was heard, once that is known. */
function languageOf({ language, detectedLanguage }: Pick<Transcription, 'language' | 'detectedLanguage'>) {
  return language === 'auto' ? (detectedLanguage ?? 'auto') : language
}

function durationOf({ totalSamples }: Pick<Transcription, 'totalSamples'>): number | null {
  return totalSamples === null ? null : totalSamples / SAMPLE_RATE
}

function failureOf({ errorCode, errorMessage }: Pick<Transcription, 'errorCode' | 'errorMessage'>) {
  return errorCode === null ? null : { code: errorCode, error: errorMessage ?? '' }
}

/** Finished seconds over all seconds. */
function progressOf(row: Pick<Transcription, 'status' | 'workSeconds' | 'doneSamples'>): number {
  if (row.status === 'completed') return 1
  const all = row.workSeconds
  return all ? Math.min(1, Math.round((row.doneSamples / SAMPLE_RATE / all) * 1000) / 1000) : 0
}
