import type { DetectedLanguage, Segment } from '../../engines/engine.ts'

/** Mean log-probability; below it, a larger model makes fewer errors (docs/models-and-engines.md). */
const DOUBTFUL_LOGPROB = -0.8
/** Whisper's own limit for text that repeats itself. */
const REPEATING_RATIO = 2.4
/** From this probability on, the language that was heard speaks against another one. */
const SURE = 0.7

/**
 * Whether a segment's text may well be wrong: improbable, repeating, or in another language than was `heard`
 * in its span (null: the language was given).
 */
export function isDoubtful(
  { avgLogprob, compressionRatio, language }: Segment,
  heard: DetectedLanguage | null,
): boolean {
  if (avgLogprob !== null && avgLogprob < DOUBTFUL_LOGPROB) return true
  if (compressionRatio !== null && compressionRatio > REPEATING_RATIO) return true
  return heard !== null && heard.probability >= SURE && language !== null && language !== heard.language
}
