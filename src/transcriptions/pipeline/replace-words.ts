import type { Segment } from '../../engines/engine.ts'
import type { Replacement } from '../intake/replacements.ts'
import { UNSPACED_START } from '../transcript/languages.ts'

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
    const searched = folded(text).text
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

/** Finds pairs from left to right, the longest one at each place. `pairs` are sorted by falling length. */
function finderOf(pairs: readonly Replacement[]): Find {
  const searched = pairs.map(({ heard, written }) => ({ heard: folded(heard).text, written }))
  return (text) => {
    const { text: all, starts, ends } = folded(text)
    const matches: Match[] = []
    for (let at = 0; at < all.length; at++) {
      const found = searched.find(({ heard }) => all.startsWith(heard, at) && isWhole(all, { at, heard }))
      if (!found) continue
      const last = at + found.heard.length - 1
      matches.push({ start: starts[at] ?? 0, end: ends[last] ?? text.length, written: found.written })
      at = last
    }
    return matches
  }
}

/**
 * The text in lower case, with one space for each run of white space. `starts` and `ends`: where each of its
 * characters comes from.
 */
function folded(text: string) {
  const characters: string[] = []
  const starts: number[] = []
  const ends: number[] = []
  let at = 0
  for (const character of text) {
    const end = at + character.length
    const isSpace = /\s/.test(character)
    if (isSpace && characters.at(-1) === ' ') ends[ends.length - 1] = end
    else {
      for (const unit of (isSpace ? ' ' : character.toLowerCase()).split('')) {
        characters.push(unit)
        starts.push(at)
        ends.push(end)
      }
    }
    at = end
  }
  return { text: characters.join(''), starts, ends }
}

/** Whether a match is not a part of a longer word. */
function isWhole(text: string, { at, heard }: { at: number; heard: string }): boolean {
  const [before = '', first = ''] = [lastOf(text.slice(0, at)), firstOf(heard)]
  const [last = '', after = ''] = [lastOf(heard), firstOf(text.slice(at + heard.length))]
  return !(isLetter(before) && isLetter(first)) && !(isLetter(last) && isLetter(after))
}

const firstOf = (text: string) => [...text.slice(0, 2)][0]
const lastOf = (text: string) => [...text.slice(-2)].at(-1)

/** Whether it is a letter, mark or digit of a script that separates words by spaces or punctuation. */
const isLetter = (character: string) =>
  /^[\p{L}\p{M}\p{N}]$/u.test(character) && !UNSPACED_START.test(character)

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
