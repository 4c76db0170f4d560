import type { Database } from '../../db/database.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import { isFinished, type Transcription } from '../transcriptions.store.ts'
import { audioPath } from './audio.ts'
import { createEta } from './eta.ts'
import { eventsPath } from './events.ts'
import type { LinkSigner } from './signed-links.ts'

type StoredTrack = NonNullable<Transcription['tracks']>[number]

/**
 * Formats the status of a transcription for the API, with its ETA and, unless `hasLinks` is false, signed
 * links to its audio and events.
 */
export function createFormatStatus({
  db,
  links,
  publicUrl,
}: {
  db: Database
  links: LinkSigner
  publicUrl: () => string
}) {
  const etaOf = createEta({ db })

  const link = (path: string) => publicUrl() + links.sign(path)

  return async (row: Transcription, { hasLinks = true } = {}) => {
    const eta = isFinished(row) ? null : await etaOf(row.id)
    return {
      id: row.id,
      audio_file: hasLinks && !row.audioRemovedAt ? link(audioPath(row.id)) : null,
      events: hasLinks ? link(eventsPath(row.id)) : null,
      transcription: row.text,
      status: row.status,
      created_at: formatTime(row.createdAt),
      language: languageOf(row),
      script: row.script,
      task: row.task,
      model: row.model,
      quality: row.quality,
      channels: row.channels,
      start: row.partStart,
      end: row.partEnd,
      progress: progressOf(row),
      queue_position: eta?.queuePosition ?? null,
      estimated_seconds: eta && toTenths(eta.estimatedSeconds),
      duration: durationOf(row),
      filename: row.filename,
      size: row.audioBytes,
      sha256: row.audioSha256,
      codec: row.codec,
      track: row.tracks && row.track,
      tracks: row.tracks?.map(formatTrack) ?? null,
      warnings: row.warnings,
      completed_at: row.completedAt && formatTime(row.completedAt),
      failure: failureOf(row),
    }
  }
}

export type FormatStatus = ReturnType<typeof createFormatStatus>

function formatTrack({ isDefault, ...track }: StoredTrack) {
  return { ...track, default: isDefault }
}

/** `2023-01-01T12:00:00Z`: without milliseconds. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}

const toTenths = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 10) / 10)

/** The requested language; with `auto`, the detected one once it is known. */
export function languageOf({
  language,
  detectedLanguage,
}: Pick<Transcription, 'language' | 'detectedLanguage'>): string {
  return language === 'auto' ? (detectedLanguage ?? 'auto') : language
}

/** Seconds; null until the audio is decoded. */
export function durationOf({ totalSamples }: Pick<Transcription, 'totalSamples'>): number | null {
  return totalSamples === null ? null : totalSamples / SAMPLE_RATE
}

export function failureOf({ errorCode, errorMessage }: Pick<Transcription, 'errorCode' | 'errorMessage'>) {
  return errorCode === null ? null : { code: errorCode, error: errorMessage ?? '' }
}

/** Transcribed seconds divided by all seconds, to three decimals. */
export function progressOf(row: Pick<Transcription, 'status' | 'workSeconds' | 'doneSamples'>): number {
  if (row.status === 'completed') return 1
  const all = row.workSeconds
  return all ? Math.min(1, Math.round((row.doneSamples / SAMPLE_RATE / all) * 1000) / 1000) : 0
}
