import { UNSPACED_END, UNSPACED_START } from './languages.ts'

/** Timed text; `words` are used where together they say the same. */
export type TimedText = {
  start: number
  end: number
  text: string
  words?: { start: number; end: number; word: string }[] | null
}

/** Text that a line is not broken in, with its times and its width. */
export type Chunk = { text: string; start: number; end: number; columns: number; isSpaced: boolean }

const WIDE = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\uff00-\uff60\uffe0-\uffe6]/u
/** Style guides let a line have 42 letters, or 16 of Chinese, Japanese or Korean. */
const WIDE_COLUMNS = 42 / 16

/** What most texts are: without marks and wide letters, and parted at spaces alone. */
const LATIN = /^[\x20-\u024f]*$/

const OPENING = /[\p{Ps}\p{Pi}]$/u
const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}\p{Lm}\p{M}]/u

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
const words = new Intl.Segmenter('und', { granularity: 'word' })

/** What a text takes of a line, where a letter takes 1 and a mark upon it nothing. */
export function columnsOf(text: string): number {
  if (LATIN.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? WIDE_COLUMNS : 1
  return columns
}

/**
 * Takes a text apart where a line may end: at spaces, between the words of scripts that have none, and within what is
 * wider than `maxColumns`. Without words of its own, time passes evenly over its letters.
 */
export function chunksOf(timed: TimedText, maxColumns: number): Chunk[] {
  const text = timed.text.trim().replace(/\s+/g, ' ')
  if (text === '') return []
  const timeAt = timesIn(timed, lettersOf(text))
  let letters = 0
  return text.split(' ').flatMap((spaced) =>
    unspaced(spaced)
      .flatMap((piece) => narrow(piece, maxColumns))
      .map((piece, index) => {
        const start = timeAt(letters, 'start')
        letters += piece.length
        return {
          text: piece,
          start,
          end: Math.max(start, timeAt(letters, 'end')),
          columns: columnsOf(piece),
          isSpaced: index === 0,
        }
      }),
  )
}

const lettersOf = (text: string) => text.replace(/\s+/g, '')

/** Gives the time at which so many letters have been said: where a word ends there, its end, or the next one's start. */
function timesIn({ start, end, words: heard }: TimedText, letters: string) {
  const isSame = heard && lettersOf(heard.map(({ word }) => word).join('')) === letters
  let until = 0
  const spoken = (isSame ? heard : [{ start, end, word: letters }]).map((word) => {
    const from = until
    until += lettersOf(word.word).length
    return { start: word.start, end: word.end, from, until }
  })
  let at = 0
  return (place: number, side: 'start' | 'end'): number => {
    while (at < spoken.length - 1 && isBehind(spoken[at], place, side)) at++
    const word = spoken[at]
    if (!word || word.until === word.from) return end
    const share = (place - word.from) / (word.until - word.from)
    return word.start + share * (word.end - word.start)
  }
}

function isBehind(word: { until: number } | undefined, place: number, side: 'start' | 'end'): boolean {
  return word !== undefined && (side === 'start' ? word.until <= place : word.until < place)
}

/** Takes apart what has no spaces, where its script has none: no line starts with what closes, or ends with what opens. */
function unspaced(text: string): string[] {
  if (LATIN.test(text)) return [text]
  const pieces: string[] = []
  for (const { segment } of words.segment(text)) {
    const before = pieces.at(-1)
    if (before !== undefined && !mayPart(before, segment)) pieces[pieces.length - 1] = before + segment
    else pieces.push(segment)
  }
  return pieces
}

function mayPart(before: string, after: string): boolean {
  if (OPENING.test(before) || CLOSING.test(after)) return false
  return UNSPACED_END.test(before) || UNSPACED_START.test(after)
}

function narrow(text: string, maxColumns: number): string[] {
  if (columnsOf(text) <= maxColumns) return [text]
  const parts: string[] = []
  let columns = 0
  for (const { segment } of graphemes.segment(text)) {
    const more = columnsOf(segment)
    const last = parts.length - 1
    if (last < 0 || columns + more > maxColumns) {
      parts.push(segment)
      columns = more
    } else {
      parts[last] += segment
      columns += more
    }
  }
  return parts
}
