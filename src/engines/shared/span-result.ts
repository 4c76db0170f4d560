import { VerbatimError } from '../../errors.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../media/media.ts'
import { storableText } from '../../storable-text.ts'
import type { Segment } from '../engine.ts'

/**
 * The length of `pcm` in seconds. Throws `engine_rejected` if it is not 16-bit audio, or longer than the
 * limit.
 */
export function spanSeconds(pcm: Uint8Array, maxSpanSeconds: number): number {
  const seconds = pcm.byteLength / BYTES_PER_SECOND
  if (pcm.byteLength === 0 || pcm.byteLength % BYTES_PER_SAMPLE !== 0) {
    throw new VerbatimError('engine_rejected', `A span of ${pcm.byteLength} bytes is not 16-bit audio.`)
  }
  if (seconds > maxSpanSeconds) {
    throw new VerbatimError(
      'engine_rejected',
      `A span of ${seconds.toFixed(1)} s exceeds the limit of ${maxSpanSeconds} s of this engine.`,
    )
  }
  return seconds
}

/** More than one per 20 ms, the resolution of Whisper's times, of the longest span (180 s). */
const MAX_SEGMENTS = 10_000
const MAX_MODEL_LENGTH = 200

/** A model's name as it is stored. */
export const modelName = (text: string) => storableText(text, MAX_MODEL_LENGTH)

/** A language code; null for other values, such as `english`. */
export function languageCode(value: unknown): string | null {
  return typeof value === 'string' && /^[a-z]{2,3}$/.test(value) ? value : null
}

/**
 * Makes segments valid: without empty ones, ordered by start, each start ≤ end, all times from 0 to
 * `seconds`. Models return times past the end of short audio. Throws `engine_unavailable` for more segments
 * than speech can have.
 */
export function withinSpan(raw: readonly Segment[], seconds: number): Segment[] {
  if (raw.length > MAX_SEGMENTS) {
    throw new VerbatimError(
      'engine_unavailable',
      `The engine returned ${raw.length} segments, more than ${MAX_SEGMENTS}.`,
    )
  }
  const segments = raw.map((segment) => ({ ...segment, text: storableText(segment.text) }))
  const clamp = (time: number, min: number) => Math.min(Math.max(time, min), seconds)
  return segments
    .filter((segment) => segment.text.trim() !== '')
    .toSorted((a, b) => a.start - b.start)
    .map((segment) => {
      const start = clamp(segment.start, 0)
      const end = clamp(segment.end, start)
      let previousEnd = start
      const words = segment.words?.map((word) => {
        const from = clamp(word.start, previousEnd)
        previousEnd = clamp(word.end, from)
        return { ...word, word: storableText(word.word), start: from, end: previousEnd }
      })
      return { ...segment, start, end, words: words ?? null }
    })
}
