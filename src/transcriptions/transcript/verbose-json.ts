import type { Warning } from '../../warnings.ts'
import { LANGUAGES } from '../../whisper-languages.ts'
import type { StoredSegment } from '../transcriptions.store.ts'

/** Whisper's unit of `seek`: hundredths of a second. */
const FRAMES_PER_SECOND = 100

/**
 * OpenAI's `verbose_json`, with the warnings. Fields that engines do not return are present, because clients expect them:
 * `tokens` is empty, `temperature` and the probabilities are 0.
 * If speakers were requested, segments and words have a `speaker`.
 */
export function verboseOf({
  task,
  language,
  duration,
  text,
  segments,
  hasWords,
  hasSpeakers,
  warnings,
}: {
  task: 'transcribe' | 'translate'
  language: string | null
  duration: number
  text: string
  segments: StoredSegment[]
  hasWords: boolean
  hasSpeakers: boolean
  warnings: Warning[]
}) {
  return {
    task,
    // A translation is always in English.
    language: task === 'translate' ? 'english' : (LANGUAGES.get(language ?? '') ?? ''),
    duration,
    text,
    segments: segments.map((segment, id) => ({
      id,
      seek: Math.round(segment.start * FRAMES_PER_SECOND),
      start: segment.start,
      end: segment.end,
      text: segment.text,
      tokens: [] as number[],
      temperature: 0,
      avg_logprob: segment.avgLogprob ?? 0,
      compression_ratio: segment.compressionRatio ?? 0,
      no_speech_prob: segment.noSpeechProb ?? 0,
      ...(hasSpeakers && { speaker: segment.speaker }),
    })),
    warnings,
    ...(hasWords && { words: segments.flatMap((segment) => wordsOf(segment, hasSpeakers)) }),
  }
}

function wordsOf({ words, speaker }: StoredSegment, hasSpeakers: boolean) {
  return (words ?? []).map(({ word, start, end }) => ({
    word: word.trim(),
    start,
    end,
    ...(hasSpeakers && { speaker }),
  }))
}

/** OpenAI's `logprobs`, of words: engines do not return tokens. A probability of 0 has no logarithm. */
export function logprobsOf(segments: StoredSegment[]) {
  return segments
    .flatMap(({ words }) => words ?? [])
    .flatMap(({ word, probability }) => {
      if (probability === null) return []
      const logprob = Math.log(Math.max(probability, Number.EPSILON))
      return [{ token: word, bytes: [...new TextEncoder().encode(word)], logprob }]
    })
}
