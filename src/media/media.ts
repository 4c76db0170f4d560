import type { Warning } from '../warnings.ts'

/** 16 kHz × 2 bytes: byte offset in pcm = seconds × 32,000. */
export const SAMPLE_RATE = 16_000
export const BYTES_PER_SAMPLE = 2
export const BYTES_PER_SECOND = SAMPLE_RATE * BYTES_PER_SAMPLE

/** One energy level, and one pair of peaks, every 50 ms of pcm. */
export const LEVEL_SECONDS = 0.05
export const SAMPLES_PER_LEVEL = SAMPLE_RATE * LEVEL_SECONDS

/** A recording or a span of at most this length is a clip. */
export const CLIP_SECONDS = 30

/** Pcm is decoded and stored in pieces of five minutes, which is a whole number of levels. */
export const SAMPLES_PER_PIECE = 300 * SAMPLE_RATE

/** An audio track of a file. */
export type Track = {
  /** Position among the audio tracks, from 1. */
  number: number
  codec: string
  channels: number
  /** As the file states it, e.g. `eng`. */
  language: string | null
  title: string | null
  isDefault: boolean
}

export type AudioInfo = {
  /** Container as ffmpeg names it, e.g. `wav`, `mov,mp4,m4a,3gp,3g2,mj2`. */
  container: string
  codec: string
  sampleRate: number
  channels: number
  /** The duration in the header, in seconds; null if there is none. Only the decoded duration is reliable. */
  claimedSeconds: number | null
  /** The track that `codec`, `sampleRate` and `channels` describe: the requested one, or the likeliest. */
  track: number
  /** All audio tracks. */
  tracks: Track[]
}

/**
 * Pieces follow each other without a gap. Each has `SAMPLES_PER_PIECE`; the last may have fewer, but at least
 * one.
 */
export type PcmPiece = {
  /** 16 kHz, mono, s16le. */
  pcm: Uint8Array<ArrayBuffer>
  /**
   * RMS of each 50 ms (the last may be shorter), one byte each: 0 = −90 dBFS or less, 255 = 0 dBFS, linear in
   * dB.
   */
  levels: Uint8Array
  /** Minimum and maximum sample of each 50 ms, a signed byte each (the upper half of the sample). */
  peaks: Uint8Array
  /** The recording ends with this piece and was decoded without a fatal error. */
  isLast: boolean
}

/** All that is decoded of a clip: its only piece, and what is missing or doubtful. */
export type Sound = { piece: PcmPiece; warnings: Warning[] }

/**
 * The only code that parses untrusted media. Groups (one per user) take turns, so that no group's files delay
 * those of another. All functions take a local path, run in a Worker that is killed at its deadline, and
 * throw a `VerbatimError`: `unsupported_type` (not a known audio or video container, or a sample rate or
 * channel count that is not used for speech), `no_audio_track`, `corrupt` (nothing can be decoded, or not in
 * time), `empty`, `too_long`, `media_unavailable` (the decoder is not installed, or closed). They throw the
 * signal's reason if `signal` fires, also before the work has started.
 */
export type Media = {
  /**
   * Maximum number of short and of long files that are decoded at once, including those that wait for `take`.
   */
  capacity: { short: number; long: number }
  /**
   * Reads headers only; takes milliseconds. `track`: the requested one, from 1; throws `track_outside` if the
   * file has fewer. `onSound`: also decodes a clip that has one track, which saves opening a decoder again, and is
   * called with its sound, all channels mixed.
   */
  probe(
    path: string,
    options?: {
      track?: number | null
      signal?: AbortSignal
      group?: string
      onSound?: (sound: Sound) => void
    },
  ): Promise<AudioInfo>
  /**
   * The track to transcribe of a file that has several, if none was requested: of those that are flagged
   * default and then of the others, the first that has sound. Decodes silent tracks completely.
   */
  chooseTrack(path: string, options?: { signal?: AbortSignal; group?: string }): Promise<number>
  /**
   * Decodes an audio track (from 1; default: the likeliest) and calls `take` with each piece of pcm, while at most one more piece is
   * decoded. Mixes all channels, or decodes only `channel` (from 0; a missing channel is silent). A truncated
   * file yields the audio that it has. Audio longer than `maxSeconds` throws `too_long` after the pieces
   * before that. An error of `take` ends the decoding. Resolves when `take` has finished with the last piece.
   * The time that `take` needs does not count towards the deadline; meanwhile another group may use the
   * decoder. `isShort` files have their own slots. Returns what is missing or doubtful.
   */
  decode(options: {
    path: string
    track?: number | null
    maxSeconds: number
    channel?: number | null
    isShort?: boolean
    group?: string
    signal?: AbortSignal
    take: (piece: PcmPiece) => Promise<void>
  }): Promise<Warning[]>
  close(): Promise<void>
}
