import { LEVEL_SECONDS, SAMPLE_RATE } from '../../src/media/media.ts'
import { type Chance, chanceOf } from '../shared/chance.ts'

const STEPS = 2 ** 32
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz']
const TALKS = 2_000
const WORDS = 4_000
const WORDS_PER_SECOND = 2.5
const SEGMENT_SECONDS = 4
const LONGEST_SECONDS = 3_600
/** Of the logarithm of the length, in seconds: half are shorter than `exp(median)`. */
const LENGTH = { median: Math.log(10), deviation: 1.2 }

export type Talk = {
  samples: number
  text: string
  lines: { start: number; end: number; text: string }[]
  levels: Uint8Array
  peaks: Uint8Array
}

/**
 * What might have been said in recordings, the same on every machine: most are short, few are long, and few words make up
 * most of a text.
 */
export function talks(): Talk[] {
  const from = chanceOf(1, 0)
  const chance = () => from.below(STEPS) / STEPS
  const vocabulary = Array.from({ length: WORDS }, () => wordBy(from))
  const word = () => vocabulary[Math.floor(WORDS * chance() ** 3)] ?? ''
  return Array.from({ length: TALKS }, () => {
    const seconds = Math.min(LONGEST_SECONDS, Math.exp(LENGTH.median + LENGTH.deviation * normalBy(chance)))
    const lines = Array.from({ length: Math.ceil(seconds / SEGMENT_SECONDS) }, (_, index) => {
      const start = index * SEGMENT_SECONDS
      const end = Math.min(seconds, start + SEGMENT_SECONDS)
      const count = Math.max(1, Math.round((end - start) * WORDS_PER_SECOND))
      return { start, end, text: ` ${Array.from({ length: count }, word).join(' ')}.` }
    })
    const levels = Math.ceil(seconds / LEVEL_SECONDS)
    return {
      samples: Math.round(seconds * SAMPLE_RATE),
      text: lines.map((line) => line.text.trim()).join(' '),
      lines,
      levels: from.bytes(levels),
      peaks: from.bytes(2 * levels),
    }
  })
}

function wordBy(chance: Chance): string {
  return Array.from({ length: 2 + chance.below(8) }, () => chance.pick(LETTERS)).join('')
}

/** By Box and Muller. */
function normalBy(chance: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
}
