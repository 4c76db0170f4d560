import { sql } from 'drizzle-orm'
import { bigint, customType, integer, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { WarningCode } from '../warnings.ts'

export const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

export const id = () => uuid().primaryKey().default(sql`gen_random_uuid()`)
export const time = () => timestamp({ withTimezone: true, mode: 'date' })
export const count = () => integer().notNull().default(0)
export const samples = () => bigint({ mode: 'number' })

// The types of JSON columns are written out here, because a row outlives the code that wrote it: a change of
// the engine's or the queue's type that differs from them does not compile.

/** A word of `segments.words`. Seconds are relative to the start of the audio. */
export type StoredWord = { start: number; end: number; word: string; probability: number | null }

/** An entry of `transcriptions.replacements`, as `Replacement` of src/transcriptions/intake/replacements.ts. */
export type StoredReplacement = { heard: string; written: string }

/** An entry of `transcriptions.speakers`. `channel` counts from 0. `seconds`: how long the speaker speaks. */
export type StoredSpeaker = { id: string; name: string | null; channel: number; seconds: number }

/** An entry of `diarizations.turns`. Seconds are relative to the start of the audio; turns may overlap. */
export type StoredSpeakerTurn = { voice: number; start: number; end: number }

/**
 * An entry of `diarizations.voices`: a voice in one span. `seconds` of its speech made up the `embedding`,
 * which has unit length and is removed when the transcription is completed. `speaker` is set then.
 */
export type StoredVoice = {
  voice: number
  seconds: number
  embedding: number[] | null
  speaker: string | null
}

/** An entry of `transcriptions.tracks`, as `Track` of src/media/media.ts. */
export type StoredTrack = {
  number: number
  codec: string
  channels: number
  language: string | null
  title: string | null
  isDefault: boolean
}

/** An entry of `transcriptions.warnings`, as `Warning` of src/warnings.ts. */
export type StoredWarning = { code: WarningCode; message: string }

/** A job of `outbox.job`, as `NewJob` of the queue. */
export type StoredJob = {
  data: { transcriptionId: string } | { spanId: string } | { deliveryId: string; job: string }
  priority?: number
  delaySeconds?: number
  group?: string
}

/** A replaced secret of a webhook, encrypted. Messages are signed with it too until `until` (ISO 8601). */
export type PreviousSecret = { secret: string; until: string }

/** An entry of `deliveries.attempts`. If no response arrived, `status` is null and `error` has the reason. */
export type DeliveryAttempt = { at: string; seconds: number; status: number | null; error: string | null }
