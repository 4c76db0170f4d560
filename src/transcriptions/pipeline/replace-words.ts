import type { Segment } from '../../engines/engine.ts'
import type { Replacement } from '../intake/replacements.ts'

type Word = NonNullable<Segment['words']>[number]
type Match = { start: number; end: number; written: string }
type Find = (text: string) => Match[]

/**
 * Replaces words in the texts of segments and in their timed words, in any case. Of several matches at one
 * place the longest counts. A match has to lie within one segment.
 */
export function replaceWords(segments: Segment[], replacements: readonly Replacement[]): Segment[] {
  const byHeard = new Map(replacements.map((pair) => [pair.heard.toLowerCase(), pair]))
  const pairs = [...byHeard].toSorted(([a], [b]) => b.length - a.length)
  return segments.map((segment) => {
    const text = segment.text.normalize('NFC')
    // A pattern of all pairs would take ten times as long, as Bun interprets patterns with these boundaries.
    const searched = text.toLowerCase().replace(/\s+/g, ' ')
    const present = pairs.filter(([heard]) => searched.includes(heard)).map(([, pair]) => pair)
    if (present.length === 0) return segment
    const find = finderOf(present)
    return {
      ...segment,
      text: replaceText(text, find),
      words: segment.words && replaceTimed(segment.words, find),
    }
  })
}

function replaceText(text: string, find: Find): string {
  return find(text).reduceRight(
    (result, { start, end, written }) => result.slice(0, start) + written + result.slice(end),
    text,
  )
}

/** Scripts that do not separate words. A match may begin and end anywhere in them. */
const UNSPACED =
  '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}\\p{scx=Tibetan}'
/** A letter, mark or digit of a script that separates words by spaces or punctuation. */
const LETTER = `[[\\p{L}\\p{M}\\p{N}]--[${UNSPACED}]]`
const STARTS_WITH_LETTER = new RegExp(`^${LETTER}`, 'v')
const ENDS_WITH_LETTER = new RegExp(`${LETTER}$`, 'v')

/** One pattern with a group for each pair. The longest pairs come first, as the first group that matches wins. */
function finderOf(pairs: readonly Replacement[]): Find {
  const pattern = new RegExp(pairs.map(({ heard }) => `(${patternOf(heard)})`).join('|'), 'giv')
  return (text) =>
    [...text.matchAll(pattern)].map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      written: pairs[match.slice(1).findIndex((group) => group !== undefined)]?.written ?? match[0],
    }))
}

function patternOf(heard: string): string {
  const before = STARTS_WITH_LETTER.test(heard) ? `(?<!${LETTER})` : ''
  const after = ENDS_WITH_LETTER.test(heard) ? `(?!${LETTER})` : ''
  return before + heard.split(' ').map(escaped).join('\\s+') + after
}

/** Escapes the characters with a meaning in patterns. The flag `v` refuses other escapes. */
const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** From the last match to the first, so that the places of the earlier ones stay valid. */
function replaceTimed(words: readonly Word[], find: Find): Word[] {
  const composed = words.map((word) => ({ ...word, word: word.word.normalize('NFC') }))
  const text = composed.map(({ word }) => word).join('')
  return find(text).reduceRight(replaceMatch, composed)
}

function replaceMatch(words: Word[], { start, end, written }: Match): Word[] {
  const { first, last, offset } = wordsWithin(words, { start, end })
  const matched = words.slice(first, last + 1)
  const text = matched.map(({ word }) => word).join('')
  const pieces = written.split(' ').map((piece, index) => (index === 0 ? piece : ` ${piece}`))
  pieces[0] = text.slice(0, start - offset) + (pieces[0] ?? '')
  pieces.push((pieces.pop() ?? '') + text.slice(end - offset))
  return words.toSpliced(first, matched.length, ...timed(pieces, matched))
}

/** The words that contain the characters from `start` to `end`. `offset`: the place of the first one. */
function wordsWithin(words: readonly Word[], { start, end }: Pick<Match, 'start' | 'end'>) {
  let at = 0
  let offset = 0
  let first = 0
  for (const [index, { word }] of words.entries()) {
    if (at <= start) {
      first = index
      offset = at
    }
    at += word.length
    if (at >= end) return { first, last: index, offset }
  }
  return { first, last: words.length - 1, offset }
}

/**
 * Gives the pieces the times of the words that they replace: each its own if there are as many, otherwise a
 * share of the whole time by length.
 */
function timed(pieces: string[], matched: Word[]): Word[] {
  if (pieces.length === matched.length) {
    return matched.map((word, index) => ({ ...word, word: pieces[index] ?? word.word }))
  }
  const start = matched[0]?.start ?? 0
  const end = matched.at(-1)?.end ?? start
  const probabilities = matched.flatMap(({ probability }) => (probability === null ? [] : [probability]))
  const probability = probabilities.length > 0 ? Math.min(...probabilities) : null
  const total = pieces.join('').length
  let length = 0
  const timeAt = () => start + ((end - start) * length) / total
  return pieces.map((word) => {
    const from = timeAt()
    length += word.length
    return { word, start: from, end: timeAt(), probability }
  })
}
