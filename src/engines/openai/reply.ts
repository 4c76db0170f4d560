import { type Static, Type } from '@sinclair/typebox'
import { LANGUAGES } from '../../whisper-languages.ts'
import type { Segment, SpanRequest, SpanResult } from '../engine.ts'
import { parseReply } from '../shared/read-answer.ts'
import { languageCode, modelName, withinSpan } from '../shared/span-result.ts'

const optional = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))

const TimedWord = Type.Object({ word: Type.String(), start: Type.Number(), end: Type.Number() })

const TimedSegment = Type.Object({
  start: Type.Number(),
  end: Type.Number(),
  text: Type.String(),
  avg_logprob: Type.Optional(Type.Unknown()),
  compression_ratio: Type.Optional(Type.Unknown()),
  no_speech_prob: Type.Optional(Type.Unknown()),
  words: optional(Type.Array(TimedWord)),
})

const Reply = Type.Object({
  text: Type.String(),
  language: Type.Optional(Type.Unknown()),
  model: Type.Optional(Type.Unknown()),
  segments: optional(Type.Array(TimedSegment)),
  words: optional(Type.Array(TimedWord)),
})

type TimedWord = Static<typeof TimedWord>
type TimedSegment = Static<typeof TimedSegment>

const CODES: ReadonlyMap<string, string> = new Map([...LANGUAGES].map(([code, name]) => [name, code]))

/** A language as OpenAI names it (`english`) or as a code, possibly with a region (`en-US`). */
function languageOf(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const name = value.trim().toLowerCase()
  return CODES.get(name) ?? languageCode(name.split(/[-_]/)[0])
}

/**
 * Parses a response of `/audio/transcriptions`: `verbose_json`, or `{text}` only, which becomes one segment.
 * Throws `engine_unavailable` if it is invalid.
 */
export function readOpenaiReply(
  text: string,
  { seconds, span, model }: { seconds: number; span: SpanRequest; model: string },
): SpanResult {
  const reply = parseReply(Reply, text, 'The OpenAI-compatible server')
  const requested = span.language === 'auto' ? null : span.language
  const language = span.task === 'translate' ? 'en' : (languageOf(reply.language) ?? requested)
  const segments = segmentsOf(reply, { seconds, words: span.words }).filter(isHeard)
  return {
    segments: withinSpan(
      segments.map((segment) => ({ ...segment, language })),
      seconds,
    ),
    model: typeof reply.model === 'string' && reply.model !== '' ? modelName(reply.model) : model,
    // The API has no confidence for a language.
    detected: null,
  }
}

function segmentsOf(
  { text, segments, words }: Static<typeof Reply>,
  request: { seconds: number; words: boolean },
): Segment[] {
  const timed: TimedSegment[] = segments?.length ? segments : [{ start: 0, end: request.seconds, text }]
  const assigned = request.words ? assignWords(timed, words ?? []) : []
  return timed.map((segment, index) => ({
    start: segment.start,
    end: segment.end,
    text: segment.text,
    language: null,
    ...measured(segment),
    words: assigned[index] ?? null,
  }))
}

/** The words of each segment; null where the server reports none. OpenAI lists them beside the segments. */
function assignWords(segments: TimedSegment[], words: TimedWord[]): (Segment['words'] | undefined)[] {
  let rest = words
  const byText = segments.map((segment) => {
    if (segment.words?.length) return wordsIn(segment.text, segment.words).words
    const found = wordsIn(segment.text, rest)
    rest = rest.slice(found.words.length)
    return found.words.length > 0 && found.isWhole ? found.words : null
  })
  if (rest.length === 0) return byText
  // Some words are written differently in the text: they belong to segments by time.
  return segments.map(({ start }, index) => {
    const next = segments[index + 1]?.start ?? Number.POSITIVE_INFINITY
    const own = words.filter((word) => (index === 0 || word.start >= start) && word.start < next)
    return own.length > 0 ? own.map(plainWord) : null
  })
}

/** vLLM has -1 for each value that it does not know. */
function measured({ avg_logprob, compression_ratio, no_speech_prob }: TimedSegment) {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null)
  const ratio = number(compression_ratio)
  if (ratio !== null && ratio < 0) return { avgLogprob: null, compressionRatio: null, noSpeechProb: null }
  return { avgLogprob: number(avg_logprob), compressionRatio: ratio, noSpeechProb: number(no_speech_prob) }
}

/** Whisper's own rule for text that it invents in silence. */
function isHeard({ noSpeechProb, avgLogprob }: Segment): boolean {
  return !(noSpeechProb !== null && noSpeechProb > 0.6 && avgLogprob !== null && avgLogprob < -1)
}

/**
 * The first of `words` that follow each other in the text, with the spaces and punctuation that they have there,
 * which OpenAI leaves out. `isWhole`: no other word is in the text.
 */
function wordsIn(text: string, words: TimedWord[]) {
  const edges: number[] = []
  let from = 0
  for (const { word } of words) {
    const written = word.trim()
    const at = written === '' ? -1 : text.indexOf(written, from)
    if (at < 0 || LETTER.test(text.slice(from, at))) break
    // The space and the opening punctuation before a word belong to it.
    const space = text.lastIndexOf(' ', at)
    edges.push(edges.length === 0 ? 0 : space >= from ? space : at)
    from = at + written.length
  }
  return {
    words: words.slice(0, edges.length).map(({ start, end }, index) => ({
      start,
      end,
      word: text.slice(edges[index], edges[index + 1]),
      probability: null,
    })),
    isWhole: !LETTER.test(text.slice(from)),
  }
}

const LETTER = /[\p{L}\p{N}]/u

function plainWord({ start, end, word }: TimedWord) {
  return { start, end, word: /^\s/.test(word) ? word : ` ${word}`, probability: null }
}
