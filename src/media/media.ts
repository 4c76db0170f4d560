/** 16 kHz × 2 bytes: byte offset in pcm = seconds × 32,000. */
export const SAMPLE_RATE = 16_000
export const BYTES_PER_SAMPLE = 2
export const BYTES_PER_SECOND = SAMPLE_RATE * BYTES_PER_SAMPLE

/** One energy level, and one pair of peaks, every 50 ms of pcm. */
export const LEVEL_SECONDS = 0.05
export const SAMPLES_PER_LEVEL = SAMPLE_RATE * LEVEL_SECONDS

/** Decoded pcm comes, and is stored, in pieces of five minutes: a whole number of levels. */
export const SAMPLES_PER_PIECE = 300 * SAMPLE_RATE

export type AudioInfo = {
  /** Container as ffmpeg names it, e.g. `wav`, `mov,mp4,m4a,3gp,3g2,mj2`. */
  container: string
  codec: string
  sampleRate: number
  channels: number
  /** What the header claims, in seconds; null when it claims nothing. Only the decoded length is true. */
  claimedSeconds: number | null
}

/** Pieces follow each other without a gap. Each has `SAMPLES_PER_PIECE`, but for the last, which may have fewer, and never none. */
export type PcmPiece = {
  /** 16 kHz, mono, s16le. */
  pcm: Uint8Array<ArrayBuffer>
  /** RMS level of each 50 ms of pcm (the last may be shorter), one byte each: 0 = −90 dBFS or quieter, 255 = 0 dBFS, linear in dB. */
  levels: Uint8Array
  /** Least and greatest sample of each 50 ms, a signed byte each (the upper half of the sample). */
  peaks: Uint8Array
  /** The recording ends with it, and was decoded without an error that matters. */
  isLast: boolean
}

/**
 * The only code that parses untrusted media. Groups (one for each user) take turns, so that no group's files hold up those of
 * another. Both functions take a path on this machine's disk, run in a
 * Worker that is killed at its deadline, and throw a `VerbatimError`: `unsupported_type` (no audio or video container, or
 * sound that no speech is recorded in), `no_audio_track`, `corrupt` (nothing can be decoded, or not in time), `empty`,
 * `too_long`, `media_unavailable` (decoder not installed, or closed); and the signal's reason when
 * `signal` fires, whether the work had begun or not.
 */
export type Media = {
  /** How many short and how many long files it decodes at a time, those included that wait for `take`. */
  capacity: { short: number; long: number }
  /** Reads headers only; milliseconds. */
  probe(path: string, options?: { signal?: AbortSignal; group?: string }): Promise<AudioInfo>
  /**
   * Gives the first audio track as pcm, a piece at a time, to `take`, while what comes next is being decoded, at most a
   * piece ahead: all its channels mixed, or the one called `channel` (from 0; one that is not there is silent). A file that
   * is cut off gives what is there. Longer audio than `maxSeconds` throws `too_long`, after the pieces before; what `take`
   * throws ends it, too. Resolves once the last piece is taken. The time that `take` needs is not the decoder's, which is
   * another group's meanwhile. Files that are `isShort` have slots of their own.
   */
  decode(options: {
    path: string
    maxSeconds: number
    channel?: number | null
    isShort?: boolean
    group?: string
    signal?: AbortSignal
    take: (piece: PcmPiece) => Promise<void>
  }): Promise<void>
  close(): Promise<void>
}
