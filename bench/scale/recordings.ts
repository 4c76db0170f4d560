import { LEVEL_SECONDS, SAMPLE_RATE } from '../../src/media/media.ts'
import { chanceOf } from '../shared/chance.ts'

const RECORDINGS = 2_000
const WORDS = 4_000
const WORDS_PER_SECOND = 2.5
const SEGMENT_SECONDS = 4
const LONGEST_SECONDS = 3_600
/** Lengths have a log-normal distribution: half of the recordings are shorter than 10 s. */
const LENGTH = { median: Math.log(10), deviation: 1.2 }

export type Recording = {
  samples: number
  text: string
  segments: { start: number; end: number; text: string }[]
  levels: Uint8Array
  peaks: Uint8Array
}

/**
 * Invented recordings, the same on every machine: most are short, and few words make up most of each text.
 */
export function makeRecordings(): Recording[] {
  const chance = chanceOf(1, 0)
  const uniform = () => chance.below(2 ** 32) / 2 ** 32
  // The Box–Muller transform.
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const letters = (count: number) =>
    String.fromCharCode(...Array.from({ length: count }, () => 97 + chance.below(26)))
  const vocabulary = Array.from({ length: WORDS }, () => letters(2 + chance.below(8)))
  const word = () => vocabulary[Math.floor(WORDS * uniform() ** 3)] ?? ''
  return Array.from({ length: RECORDINGS }, () => {
    const seconds = Math.min(LONGEST_SECONDS, Math.exp(LENGTH.median + LENGTH.deviation * normal()))
    const segments = Array.from({ length: Math.ceil(seconds / SEGMENT_SECONDS) }, (_, index) => {
      const start = index * SEGMENT_SECONDS
      const end = Math.min(seconds, start + SEGMENT_SECONDS)
      const count = Math.max(1, Math.round((end - start) * WORDS_PER_SECOND))
      return { start, end, text: ` ${Array.from({ length: count }, word).join(' ')}.` }
    })
    const levels = Math.ceil(seconds / LEVEL_SECONDS)
    return {
      samples: Math.round(seconds * SAMPLE_RATE),
      text: segments.map(({ text }) => text.trim()).join(' '),
      segments,
      levels: chance.bytes(levels),
      peaks: chance.bytes(2 * levels),
    }
  })
}
