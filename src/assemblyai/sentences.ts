import { joinTexts } from '../transcriptions/transcript/languages.ts'
import { chunksOf, oneLine } from '../transcriptions/transcript/line-breaking.ts'
import {
  endOf,
  type Group,
  groupsOf,
  type SpokenWord,
  paragraphsOf as spokenParagraphs,
  sentencesOf as spokenSentences,
} from '../transcriptions/transcript/paragraphs.ts'

/** A segment of the API's transcript. `channel` counts from 0 and exists if channels are transcribed separately. */
export type Segment = {
  start: number
  end: number
  text: string
  channel?: number
  /** Exists if speakers are told apart. */
  speaker?: string | null
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
type Unit = SpokenWord & Pick<Word, 'confidence' | 'channel' | 'speaker'> & { isWord: boolean }

export function wordsOf(segments: Segment[]): Word[] {
  return wordsIn(segments.flatMap(unitsOf))
}

/** The mean of the words' confidences. Null without words. */
export function confidenceOf(words: Word[]): number | null {
  if (words.length === 0) return null
  return words.reduce((sum, { confidence }) => sum + confidence, 0) / words.length
}

/** The sentences of all channels, sorted by start. */
export function sentencesOf(segments: Segment[]): Passage[] {
  return ofChannels(segments, (units) => spokenSentences(units).map(passageOf))
}

/** The paragraphs of all channels, sorted by start. */
export function paragraphsOf(segments: Segment[]): Passage[] {
  return ofChannels(segments, (units) =>
    spokenParagraphs(units).map(([first, ...others]) => joined([passageOf(first), ...others.map(passageOf)])),
  )
}

/** What one speaker or channel says until another one speaks. */
export function utterancesOf(segments: Segment[]): Passage[] {
  return groupsOf(sentencesOf(segments), isOther).map(joined)
}

const isOther = (last: Pick<Word, 'channel' | 'speaker'>, next: Pick<Word, 'channel' | 'speaker'>) =>
  last.channel !== next.channel || last.speaker !== next.speaker

function ofChannels(segments: Segment[], passagesOf: (units: Unit[]) => Passage[]): Passage[] {
  const channels = Map.groupBy(segments, ({ channel }) => channel ?? 0)
  return [...channels.values()]
    .flatMap((spoken) => groupsOf(spoken.flatMap(unitsOf), isOther).flatMap(passagesOf))
    .sort((a, b) => a.start - b.start)
}

function passageOf(units: Group<Unit>): Passage {
  const words = wordsIn(units)
  const text = oneLine(units.map(({ text }) => text).join(''))
  return {
    ...wordOf(units[0]),
    text,
    end: milliseconds(endOf(units)),
    confidence: confidenceOf(words) ?? 0,
    words,
  }
}

function joined(passages: Group<Passage>): Passage {
  const words = passages.flatMap(({ words }) => words)
  const text = joinTexts(passages.map(({ text }) => text))
  return { ...passages[0], text, end: endOf(passages), confidence: confidenceOf(words) ?? 0, words }
}

function unitsOf(segment: Segment): Unit[] {
  const channel = segment.channel === undefined ? null : String(segment.channel + 1)
  const speaker = segment.speaker === undefined ? channel : segment.speaker
  const words = (segment.words ?? []).filter(({ word }) => word.trim() !== '')
  if (words.length === 0) {
    return chunksOf(segment, Number.POSITIVE_INFINITY).map(({ text, isSpaced, start, end }) => ({
      ...{ start, end, channel, speaker },
      text: isSpaced ? ` ${text}` : text,
      confidence: 0,
      isWord: false,
    }))
  }
  return words.map(({ word, start, end, probability }) => ({
    ...{ start, end, channel, speaker },
    text: word,
    confidence: probability ?? 0,
    isWord: true,
  }))
}

const wordsIn = (units: Unit[]) => units.filter(({ isWord }) => isWord).map(wordOf)

function wordOf({ text, start, end, confidence, channel, speaker }: Unit): Word {
  return {
    text: text.trim(),
    start: milliseconds(start),
    end: milliseconds(end),
    confidence,
    channel,
    speaker,
  }
}

const milliseconds = (seconds: number) => Math.round(seconds * 1000)
