import { languagesOf } from '../transcriptions/transcript/detected-languages.ts'
import { joinTexts } from '../transcriptions/transcript/languages.ts'
import { chunksOf } from '../transcriptions/transcript/line-breaking.ts'
import {
  endOf,
  type Group,
  groupsOf,
  paragraphsOf,
  type SpokenWord,
  textOfWords,
} from '../transcriptions/transcript/paragraphs.ts'
import type { DetailedTranscript } from '../transcriptions/transcriptions.service.ts'
import type { ListenRequest } from './parameters.ts'

type Segment = DetailedTranscript['segments'][number]

/** `speaker`: the number of the speaker from 0; null if speakers are not told apart. */
type Word = SpokenWord & { confidence: number; speaker: number | null }

/** Deepgram's response to a recording. */
export function listenResponse(
  transcript: DetailedTranscript,
  { listen, requestId }: { listen: ListenRequest; requestId: string },
) {
  const numberOf = new Map(transcript.speakers?.map(({ id }, number) => [id, number]))
  const channels = Array.from({ length: transcript.channels }, (_, channel) => {
    const segments = transcript.segments.filter((segment) => segment.channel === channel)
    return { segments, words: segments.flatMap((segment) => wordsOf(segment, numberOf)) }
  })
  const { utteranceGap } = listen
  return {
    metadata: metadataOf(transcript, { listen, requestId }),
    results: {
      channels: channels.map(({ segments, words }) => ({
        alternatives: [alternativeOf({ segments, words, hasParagraphs: listen.hasParagraphs })],
        ...(listen.detectsLanguage && detectedIn(segments)),
      })),
      ...(utteranceGap !== null && {
        utterances: channels
          .flatMap(({ words }, channel) => utterancesOf(words, { channel, gap: utteranceGap }))
          .sort((a, b) => a.start - b.start),
      }),
    },
  }
}

function metadataOf(
  { sha256, createdAt, duration, channels, engines, warnings }: DetailedTranscript,
  { listen: { tags, extra }, requestId }: { listen: ListenRequest; requestId: string },
) {
  const models = engines.map(({ engine, model }) => ({ name: model || engine, version: '', arch: engine }))
  return {
    // Deepgram’s clients require it; Deepgram sends this value too.
    transaction_key: 'deprecated' as const,
    request_id: requestId,
    sha256,
    created: createdAt.toISOString(),
    duration,
    channels,
    models: models.map(({ name }) => name),
    model_info: Object.fromEntries(models.map((model) => [model.name, model])),
    ...(warnings.length > 0 && { warnings }),
    ...(tags.length > 0 && { tags }),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

function alternativeOf({
  segments,
  words,
  hasParagraphs,
}: {
  segments: Segment[]
  words: Word[]
  hasParagraphs: boolean
}) {
  return {
    transcript: joinTexts(segments.map(({ text }) => text)),
    confidence: confidenceOf(words),
    words: words.map(formatWord),
    ...(hasParagraphs && { paragraphs: formatParagraphs(words) }),
  }
}

function formatParagraphs(words: Word[]) {
  const paragraphs = groupsOf(words, changesSpeaker)
    .flatMap(paragraphsOf<Word>)
    .map((spoken) => {
      const sentences = spoken.map((sentence) => ({ text: textOfWords(sentence), ...timesOf(sentence) }))
      return { sentences, words: spoken.flat() }
    })
  return {
    transcript: paragraphs.map(({ sentences }) => joinTexts(sentences.map(({ text }) => text))).join('\n\n'),
    paragraphs: paragraphs.map(({ sentences, words }) => ({
      sentences,
      ...speakerOf(words),
      num_words: words.length,
      start: sentences[0]?.start ?? 0,
      end: sentences.at(-1)?.end ?? 0,
    })),
  }
}

const timesOf = (words: Group<Word>) => ({ start: words[0].start, end: endOf(words) })

function utterancesOf(words: Word[], { channel, gap }: { channel: number; gap: number }) {
  const isEnd = (before: Word, next: Word) => changesSpeaker(before, next) || next.start - before.end >= gap
  return groupsOf(words, isEnd).map((spoken) => ({
    id: crypto.randomUUID(),
    ...timesOf(spoken),
    confidence: confidenceOf(spoken),
    channel,
    transcript: textOfWords(spoken),
    words: spoken.map(formatWord),
    ...speakerOf(spoken),
  }))
}

const changesSpeaker = (before: Word, next: Word) => before.speaker !== next.speaker

function speakerOf([first]: Word[]): { speaker?: number } {
  return first === undefined || first.speaker === null ? {} : { speaker: first.speaker }
}

function detectedIn(segments: Segment[]) {
  const [language] = languagesOf(segments)
  return language === undefined ? {} : { detected_language: language }
}

/** The words of a segment. If the engine returned none, their times are spread over the segment. */
function wordsOf(segment: Segment, numberOf: ReadonlyMap<string, number>): Word[] {
  const { words, avgLogprob } = segment
  const speaker = numberOf.get(segment.speaker ?? '') ?? null
  const unknown = avgLogprob === null ? 0 : Math.min(1, Math.exp(avgLogprob))
  if (words?.length) {
    return words.map(({ word, start, end, probability }) => ({
      text: word,
      start,
      end,
      confidence: probability ?? unknown,
      speaker,
    }))
  }
  return chunksOf({ ...segment, words: null }, Number.POSITIVE_INFINITY).map((chunk) => ({
    text: chunk.isSpaced ? ` ${chunk.text}` : chunk.text,
    start: chunk.start,
    end: chunk.end,
    confidence: unknown,
    speaker,
  }))
}

function formatWord(word: Word) {
  const { text, start, end, confidence } = word
  const written = text.trim()
  return { word: plain(written), start, end, confidence, punctuated_word: written, ...speakerOf([word]) }
}

/** From the first to the last letter, digit or symbol. */
const CORE = /[\p{L}\p{M}\p{N}\p{S}](?:.*[\p{L}\p{M}\p{N}\p{S}])?/su

/** A word in lower case and without the punctuation around it. */
const plain = (written: string) => (CORE.exec(written)?.[0] ?? written).toLowerCase()

/** The mean of the words; 0 if there are none. */
function confidenceOf(words: Word[]): number {
  const sum = words.reduce((sum, { confidence }) => sum + confidence, 0)
  return words.length > 0 ? sum / words.length : 0
}
