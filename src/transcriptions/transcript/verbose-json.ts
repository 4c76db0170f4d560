import type { StoredSegment } from '../transcriptions.store.ts'
import { LANGUAGES } from './languages.ts'

/** Hundredths of a second, as Whisper counts. */
const FRAMES_PER_SECOND = 100

/**
 * OpenAI's `verbose_json`. What engines do not tell is there all the same, as its clients expect: `tokens` is empty, and
 * `temperature` and the measures 0.
 */
export function verboseOf({
  task,
  language,
  duration,
  text,
  segments,
  hasWords,
}: {
  task: 'transcribe' | 'translate'
  language: string | null
  duration: number
  text: string
  segments: StoredSegment[]
  hasWords: boolean
}) {
  return {
    task,
    // A translation is in English, whatever was spoken.
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
    })),
    ...(hasWords && { words: segments.flatMap(({ words }) => words ?? []).map(wordOf) }),
  }
}

function wordOf({ word, start, end }: { word: string; start: number; end: number }) {
  return { word: word.trim(), start, end }
}
