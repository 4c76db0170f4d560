import { UNSPACED_END, UNSPACED_START } from './languages.ts'

/**
 * Timed text. `words` are used only if together they are the same text. `voice` names who speaks, if voices
 * are told apart.
 */
export type TimedText = {
  start: number
  end: number
  text: string
  voice?: string | null
  words?: { start: number; end: number; word: string }[] | null
}

/** Text within which no line break is allowed, with its times and width. */
export type Chunk = { text: string; start: number; end: number; columns: number; isSpaced: boolean }

const WIDE = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\uff00-\uff60\uffe0-\uffe6]/u
/** Style guides allow 42 letters a line, or 16 in Chinese, Japanese and Korean. */
const WIDE_COLUMNS = 42 / 16

/** Text without combining marks and wide letters, in which lines break only at spaces. */
const LATIN = /^[\x20-\u024f]*$/

/** Spaces, and the control characters that neither subtitles nor tables can represent. */
const BLANKS = /[\s\p{Cc}]+/gu

export const SENTENCE_END = /[\p{Sentence_Terminal}…][\p{Pe}\p{Pf}"']*$/u

const OPENING = /[\p{Ps}\p{Pi}]$/u
const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}\p{Lm}\p{M}]/u

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
const words = new Intl.Segmenter('und', { granularity: 'word' })

/** Width of a text in columns: 1 per letter, 0 per combining mark, more per wide letter. */
function columnsOf(text: string): number {
  if (LATIN.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? WIDE_COLUMNS : 1
  return columns
}

/**
 * Splits a text at the possible line breaks: at spaces, between the words of scripts without spaces, and
 * within words that are wider than `maxColumns`. Without timed words, the time is spread evenly over the
 * letters.
 */
export function chunksOf(timed: TimedText, maxColumns: number): Chunk[] {
  const text = oneLine(timed.text)
  if (text === '') return []
  const timeAt = timesIn(timed, lettersOf(text))
  let letters = 0
  return text.split(' ').flatMap((spaced) =>
    unspaced(spaced)
      .flatMap((word) => narrow(word, maxColumns))
      .map((chunk, index) => {
        const start = timeAt(letters, 'start')
        letters += chunk.length
        return {
          text: chunk,
          start,
          end: Math.max(start, timeAt(letters, 'end')),
          columns: columnsOf(chunk),
          isSpaced: index === 0,
        }
      }),
  )
}

/** A text on one line, with single spaces. */
export const oneLine = (text: string) => text.replace(BLANKS, ' ').trim()

const lettersOf = (text: string) => text.replace(BLANKS, '')

/**
 * Returns a function from a number of letters to the time at which they have been spoken. At a word boundary,
 * `end` is the end of the word before it and `start` is the start of the word after it.
 */
function timesIn({ start, end, words: timedWords }: TimedText, letters: string) {
  const isSame = timedWords && lettersOf(timedWords.map(({ word }) => word).join('')) === letters
  let until = 0
  const spoken = (isSame ? timedWords : [{ start, end, word: letters }]).map((word) => {
    const from = until
    until += lettersOf(word.word).length
    return { start: word.start, end: word.end, from, until }
  })
  let at = 0
  return (letter: number, side: 'start' | 'end'): number => {
    while (at < spoken.length - 1 && endsBefore(spoken[at], letter, side)) at++
    const word = spoken[at]
    if (!word || word.until === word.from) return end
    const share = (letter - word.from) / (word.until - word.from)
    return word.start + share * (word.end - word.start)
  }
}

function endsBefore(word: { until: number } | undefined, letter: number, side: 'start' | 'end'): boolean {
  return word !== undefined && (side === 'start' ? word.until <= letter : word.until < letter)
}

/**
 * Splits text of a script without spaces into words. Closing punctuation stays with the word before it,
 * opening with the next.
 */
function unspaced(text: string): string[] {
  if (LATIN.test(text)) return [text]
  const parts: string[] = []
  for (const { segment } of words.segment(text)) {
    const before = parts.at(-1)
    if (before !== undefined && !mayBreak(before, segment)) parts[parts.length - 1] = before + segment
    else parts.push(segment)
  }
  return parts
}

function mayBreak(before: string, after: string): boolean {
  if (OPENING.test(before) || CLOSING.test(after)) return false
  return UNSPACED_END.test(before) || UNSPACED_START.test(after)
}

/** Splits text that is wider than `maxColumns` between graphemes. */
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

/** The text of chunks, without a space at its start. */
export function joinChunks(chunks: Chunk[]): string {
  return chunks.map(({ text, isSpaced }, index) => (isSpaced && index > 0 ? ' ' : '') + text).join('')
}
