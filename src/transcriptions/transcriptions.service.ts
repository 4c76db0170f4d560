import type { Changes } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Objects } from '../storage/storage.ts'
import { isUuid } from '../uuid.ts'
import { findCallbackState } from '../webhooks/callbacks.store.ts'
import { peaksOf } from './envelopes.store.ts'
import { createRequireOwned, type OwnedKeys, type RequireOwned, transcriptionNotFound } from './owned.ts'
import { removePcm } from './pipeline/pcm.ts'
import { openAudio } from './reading/audio.ts'
import { type Change, changeStream, untilFinished } from './reading/change-stream.ts'
import { eventsLinkOwner, type TranscriptionEvent, transcriptionEvents } from './reading/events.ts'
import { type NeighborsRequest, type PageRequest, readNeighbors, readPage } from './reading/list.ts'
import type { LinkSigner, SignedLink } from './reading/signed-links.ts'
import { createFormatStatus, type FormatStatus } from './reading/status.ts'
import {
  detailsOf,
  formatTranscript,
  readSpeakerTurns,
  readTranscript,
  requireCompleted,
  requireSpeakers,
} from './reading/transcript.ts'
import { waveformOf } from './reading/waveform.ts'
import type { RemoveFolder } from './removal.ts'
import type { KnownVoice } from './speakers/known-voices.ts'
import { nameKnownSpeakers, renameSpeakers } from './speakers/rename-speakers.ts'
import { voiceIn } from './speakers/voice-sample.ts'
import { folderOf } from './storage-keys.ts'
import { diarizedOf } from './transcript/diarized-json.ts'
import { TEXT_FORMATS, type TextFormat } from './transcript/formats.ts'
import { inOrder } from './transcript/in-order.ts'
import { toRttm } from './transcript/rttm.ts'
import { logprobsOf, verboseOf } from './transcript/verbose-json.ts'
import { cancelOwned, isFinished, removeOwned } from './transcriptions.store.ts'

type ServiceDependencies = {
  db: Database
  changes: Changes
  storage: Pick<Objects, 'read' | 'remove'>
  removeFolder: RemoveFolder
  links: LinkSigner
  publicUrl: () => string
  /** Acquires a permit to hold a response open for the user. Throws `too_many_at_once`. */
  concurrencyLimit: (userId: string) => Disposable
  log: Log
}

/** Dependencies and the functions that all parts of the service share. */
type Context = ServiceDependencies & {
  requireOwned: RequireOwned
  formatStatus: FormatStatus
}

export type TranscriptionsService = ReturnType<typeof createTranscriptionsService>

export type DetailedTranscript = Awaited<ReturnType<TranscriptionsService['detailedTranscript']>>

/**
 * A user's transcriptions after their upload. Methods that take `userId` throw `not_found` for another user's
 * transcription.
 */
export function createTranscriptionsService(dependencies: ServiceDependencies) {
  const { db } = dependencies
  const context = {
    ...dependencies,
    requireOwned: createRequireOwned(db),
    formatStatus: createFormatStatus(dependencies),
  }
  return {
    list: (request: PageRequest) => readPage(db, request),
    neighbors: (request: NeighborsRequest) => readNeighbors(db, request),
    ...statusMethods(context),
    ...transcriptMethods(context),
    ...removalMethods(context),
    audio: (link: SignedLink) => openAudio(dependencies, link),
  }
}

function statusMethods(context: Context) {
  const { db, changes, requireOwned, formatStatus, concurrencyLimit } = context
  return {
    /** Returns the status at once; with `until`, when the transcription has finished or the signal fires. */
    async status({ until, ...keys }: OwnedKeys & { until?: AbortSignal }) {
      if (!until) return formatStatus(await requireOwned(keys))
      using _permit = concurrencyLimit(keys.userId)
      const row = await untilFinished(changes, { ...keys, signal: until, read: () => requireOwned(keys) })
      return formatStatus(row)
    },

    /** The `webhook_url` of the upload, the header of its messages, and the latest response; null without one. */
    async webhook(keys: OwnedKeys) {
      const { id, webhookUrl } = await requireOwned(keys)
      return webhookUrl === null ? null : { url: webhookUrl, ...(await findCallbackState(db, id)) }
    },

    /**
     * The user whose transcription's events a signed link opens. Throws `not_found` if the link is invalid.
     */
    eventsLinkOwner: (link: SignedLink) => eventsLinkOwner(context, link),

    /**
     * Streams the events that follow the event with the id `after`. Without `hasLinks`, statuses contain no
     * signed links.
     */
    async events({
      after,
      hasLinks,
      signal,
      ...keys
    }: OwnedKeys & { after: number; hasLinks: boolean; signal: AbortSignal }): Promise<
      AsyncGenerator<TranscriptionEvent, void>
    > {
      const { id } = await requireOwned(keys)
      const permit = concurrencyLimit(keys.userId)
      return transcriptionEvents(context, { id, after, hasLinks, signal, permit })
    },

    /**
     * Resolves when the transcription is completed. Throws the error with which it failed, `already_over` if
     * it was canceled, `not_found` if it was removed, and `stopping` if `signal` fires first.
     */
    async completion({ signal, ...keys }: OwnedKeys & { signal: AbortSignal }): Promise<void> {
      using _permit = concurrencyLimit(keys.userId)
      const row = await untilFinished(changes, { ...keys, signal, read: () => requireOwned(keys) })
      if (!isFinished(row)) throw new VerbatimError('stopping', 'The service is stopping: send it again')
      if (row.status === 'completed') return
      if (row.status === 'canceled') throw new VerbatimError('already_over', 'The transcription was canceled')
      throw new VerbatimError(row.errorCode ?? 'internal', row.errorMessage ?? 'The transcription failed')
    },
  }
}

function transcriptMethods({ db, changes, requireOwned }: Context) {
  const read = async ({ partial, ...keys }: OwnedKeys & { partial: boolean }) =>
    readTranscript(db, { row: await requireOwned(keys), partial })

  return {
    /**
     * With `partial`, the part that is finished; without it, throws `not_ready` or `transcription_failed`.
     */
    async transcript(request: OwnedKeys & { partial: boolean }) {
      return formatTranscript(db, await read(request))
    },

    /** As `transcript`, with what is known of the audio and each segment: for formats of other APIs. */
    async detailedTranscript(request: OwnedKeys & { partial: boolean }) {
      return detailsOf(db, await read(request))
    },

    /** As `transcript`, in OpenAI's `verbose_json`. */
    async verboseTranscript(request: OwnedKeys & { partial: boolean }) {
      const { row, ...transcript } = await read(request)
      const { task, words, diarize, warnings } = row
      return verboseOf({ ...transcript, task, hasWords: words, hasSpeakers: diarize, warnings })
    },

    /** As `transcript`, in OpenAI's `diarized_json`. Throws `speakers_missing` if the upload did not ask for speakers. */
    async diarizedTranscript(request: OwnedKeys & { partial: boolean }) {
      const { row, ...transcript } = await read(request)
      if (!row.diarize) requireSpeakers(row)
      return diarizedOf(transcript)
    },

    /** Who speaks when, as RTTM. Throws `not_ready`, `transcription_failed` and `speakers_missing`. */
    async rttm(keys: OwnedKeys): Promise<string> {
      const row = await requireOwned(keys)
      requireCompleted(row)
      return toRttm(await readSpeakerTurns(db, row), row.id)
    },

    /** The log-probabilities of the words that have a probability, as `transcript` and in OpenAI's form. */
    async logprobs(request: OwnedKeys & { partial: boolean }) {
      return logprobsOf((await read(request)).segments)
    },

    /** As `transcript`, in a text format. */
    async writtenTranscript({
      format,
      ...request
    }: OwnedKeys & { partial: boolean; format: TextFormat }): Promise<string> {
      return TEXT_FORMATS[format].write(await read(request))
    },

    /**
     * Streams the text in spoken order while it is transcribed. For transcriptions with mixed channels only.
     */
    spoken({ id, signal }: { id: string; signal: AbortSignal }): AsyncGenerator<string, void> {
      return inOrder(spansOf(changeStream({ db, changes }, { id, revision: 0, signal })))
    },

    /** Names speakers and returns them all. Throws `validation` and `speakers_missing`. */
    async renameSpeakers({ names, ...keys }: OwnedKeys & { names: Record<string, string | null> }) {
      await requireOwned(keys)
      return renameSpeakers(db, { ...keys, names })
    },

    /** Names the speakers of an ephemeral transcription whose voices are known. Throws `speakers_missing`. */
    async nameKnownSpeakers({ known, ...keys }: OwnedKeys & { known: KnownVoice[] }): Promise<void> {
      await nameKnownSpeakers(db, { ...keys, known })
    },

    /** The voice in a sample, as `voiceIn` finds it. */
    voiceIn: (sample: OwnedKeys & { maxSeconds: number }) => voiceIn({ db, requireOwned }, sample),

    /** Throws `not_ready` until the audio is decoded, and `validation` for `samplesPerPixel`. */
    async waveform({ samplesPerPixel, ...keys }: OwnedKeys & { samplesPerPixel?: number }) {
      const row = await requireOwned(keys)
      if (row.totalSamples === null) {
        throw new VerbatimError(
          'not_ready',
          `The transcription is ${row.status}: its waveform exists once the audio is decoded`,
        )
      }
      return waveformOf(await peaksOf(db, row.id), samplesPerPixel)
    },
  }
}

async function* spansOf(changes: AsyncIterable<Change>) {
  for await (const change of changes) if (change.kind === 'span') yield change.span
}

function removalMethods({ db, storage, removeFolder, requireOwned, formatStatus, log }: Context) {
  return {
    /** Cancels a transcription and removes its pcm; finished segments are kept. Throws `already_over`. */
    async cancel(keys: OwnedKeys) {
      await requireOwned(keys)
      const isCanceled = await cancelOwned(db, keys)
      const row = await requireOwned(keys)
      if (!isCanceled && row.status !== 'canceled') {
        throw new VerbatimError('already_over', `The transcription is already ${row.status}`)
      }
      if (isCanceled) await removePcm({ storage, log }, row.id)
      return formatStatus(row)
    },

    /** Deletes a transcription in any status. Files that cannot be removed now are left to the sweep. */
    async remove(keys: OwnedKeys): Promise<void> {
      if (!isUuid(keys.id) || !(await removeOwned(db, keys))) throw transcriptionNotFound()
      await removeFolder(folderOf(keys.id))
    },

    /** Removes the files of transcriptions whose rows are deleted. */
    async removeFiles(ids: string[]): Promise<void> {
      for (const id of ids) await removeFolder(folderOf(id))
    },
  }
}
