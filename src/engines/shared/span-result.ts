import { VerbatimError } from '../../errors.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND } from '../../media/media.ts'
import { storableText } from '../../storable-text.ts'
import type { Segment } from '../engine.ts'

/** The length of `pcm` in seconds. Throws `engine_rejected` when no engine with this limit could take it. */
export function spanSeconds(pcm: Uint8Array, maxSpanSeconds: number): number {
  const seconds = pcm.byteLength / BYTES_PER_SECOND
  if (pcm.byteLength === 0 || pcm.byteLength % BYTES_PER_SAMPLE !== 0) {
    throw new VerbatimError('engine_rejected', `A span of ${pcm.byteLength} bytes is no 16-bit audio.`)
  }
  if (seconds > maxSpanSeconds) {
    throw new VerbatimError(
      'engine_rejected',
      `A span of ${seconds.toFixed(1)} s is longer than the ${maxSpanSeconds} s that this engine takes.`,
    )
  }
  return seconds
}

/** One of each 20 ms, which Whisper's times are told in, of the longest span there is. */
const MAX_SEGMENTS = 10_000
const MAX_MODEL_LENGTH = 200

/** A model's name as an engine tells it, as it is kept. */
export const modelName = (text: string) => storableText(text, MAX_MODEL_LENGTH)

/** A language code; null for anything else, such as `english`. */
export function languageCode(value: unknown): string | null {
  return typeof value === 'string' && /^[a-z]{2,3}$/.test(value) ? value : null
}

/**
 * Segments as the rest of the service may rely on them: none without text, in order of their starts,
 * each start ≤ end, all within 0 and `seconds`. Models put times past the end of short audio. Throws `engine_unavailable` for more
 * than speech can have.
 */
export function withinSpan(told: readonly Segment[], seconds: number): Segment[] {
  if (told.length > MAX_SEGMENTS) {
    throw new VerbatimError('engine_unavailable', `The engine answered with ${told.length} segments.`)
  }
  const segments = told.map((segment) => ({ ...segment, text: storableText(segment.text) }))
  const clamp = (time: number, least: number) => Math.min(Math.max(time, least), seconds)
  return segments
    .filter((segment) => segment.text.trim() !== '')
    .toSorted((a, b) => a.start - b.start)
    .map((segment) => {
      const start = clamp(segment.start, 0)
      const end = clamp(segment.end, start)
      let last = start
      const words = segment.words?.map((word) => {
        const from = clamp(word.start, last)
        last = clamp(word.end, from)
        return { ...word, word: storableText(word.word), start: from, end: last }
      })
      return { ...segment, start, end, words: words ?? null }
    })
}
