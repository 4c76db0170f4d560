import { joinTexts } from '../transcriptions/transcript/languages.ts'
import { chunksOf, oneLine, SENTENCE_END } from '../transcriptions/transcript/line-breaking.ts'

/** A segment of the API's transcript. `channel` counts from 0 and exists if channels are transcribed separately. */
export type Segment = {
  start: number
  end: number
  text: string
  channel?: number
  words?: { start: number; end: number; word: string; probability: number | null }[]
}

/** AssemblyAI counts channels from 1, and times in milliseconds. */
export type Word = {
  text: string
  start: number
  end: number
  confidence: number
  channel: string | null
  speaker: string | null
}

export type Passage = Word & { words: Word[] }

/** Text without a place to split. `isWord` is false if the engine returned no words. */
type Unit = { word: Word; spacedText: string; isWord: boolean }

const PAUSE_MS = 1000
const PARAGRAPH_PAUSE_MS = 2000
const PARAGRAPH_SENTENCES = 5

export function wordsOf(segments: Segment[]): Word[] {
  return segments.flatMap(unitsOf).flatMap(({ word, isWord }) => (isWord ? [word] : []))
}

/** The mean of the words' confidences. Null without words. */
export function confidenceOf(words: Word[]): number | null {
  if (words.length === 0) return null
  return words.reduce((sum, { confidence }) => sum + confidence, 0) / words.length
}

/** The sentences of all channels, sorted by start. A pause also ends a sentence. */
export function sentencesOf(segments: Segment[]): Passage[] {
  const channels = Map.groupBy(segments, ({ channel }) => channel ?? 0)
  return [...channels.values()]
    .flatMap((spoken) => groups(spoken.flatMap(unitsOf), endsSentence).map(passageOf))
    .sort((a, b) => a.start - b.start)
}

/** Consecutive sentences of one channel, up to a long pause. */
export function paragraphsOf(segments: Segment[]): Passage[] {
  return groups(
    sentencesOf(segments),
    (last, next, count) =>
      last.channel !== next.channel ||
      next.start - last.end >= PARAGRAPH_PAUSE_MS ||
      count === PARAGRAPH_SENTENCES,
  ).map(joined)
}

/** What one channel says until another one speaks. */
export function utterancesOf(segments: Segment[]): Passage[] {
  return groups(sentencesOf(segments), (last, next) => last.channel !== next.channel).map(joined)
}

function endsSentence(last: Unit, next: Unit): boolean {
  return SENTENCE_END.test(last.word.text) || next.word.start - last.word.end >= PAUSE_MS
}

/** Groups consecutive items. `endsBefore`: whether a group of `count` items that ends with `last` is complete. */
function groups<T>(items: T[], endsBefore: (last: T, next: T, count: number) => boolean): [T, ...T[]][] {
  const all: [T, ...T[]][] = []
  for (const item of items) {
    const group = all.at(-1)
    const last = group?.at(-1)
    if (group && last !== undefined && !endsBefore(last, item, group.length)) group.push(item)
    else all.push([item])
  }
  return all
}

function passageOf(units: [Unit, ...Unit[]]): Passage {
  const words = units.flatMap(({ word, isWord }) => (isWord ? [word] : []))
  const text = oneLine(units.map(({ spacedText }) => spacedText).join(''))
  const end = Math.max(...units.map(({ word }) => word.end))
  return { ...units[0].word, text, end, confidence: confidenceOf(words) ?? 0, words }
}

function joined(passages: [Passage, ...Passage[]]): Passage {
  const words = passages.flatMap(({ words }) => words)
  const text = joinTexts(passages.map(({ text }) => text))
  const end = Math.max(...passages.map(({ end }) => end))
  return { ...passages[0], text, end, confidence: confidenceOf(words) ?? 0, words }
}

function unitsOf(segment: Segment): Unit[] {
  const channel = segment.channel === undefined ? null : String(segment.channel + 1)
  const unitOf = (text: string, { start, end, confidence }: Pick<Word, 'start' | 'end' | 'confidence'>) => ({
    text: text.trim(),
    start: Math.round(start * 1000),
    end: Math.round(end * 1000),
    confidence,
    channel,
    speaker: channel,
  })
  const words = (segment.words ?? []).filter(({ word }) => word.trim() !== '')
  if (words.length === 0) {
    return chunksOf(segment, Number.POSITIVE_INFINITY).map(({ text, isSpaced, start, end }) => ({
      word: unitOf(text, { start, end, confidence: 0 }),
      spacedText: isSpaced ? ` ${text}` : text,
      isWord: false,
    }))
  }
  return words.map(({ word, start, end, probability }) => ({
    word: unitOf(word, { start, end, confidence: probability ?? 0 }),
    spacedText: word,
    isWord: true,
  }))
}
