import { similarity, unit, weightOf } from './merge-voices.ts'

/** A voice with a name. `embedding` has unit length. */
export type KnownVoice = { name: string; embedding: readonly number[] }

/** Cosine similarity from which a speaker is a known person. A stranger has about 0.1, the same person 0.65. */
const MIN_SIMILARITY = 0.5

/** The name of the most similar known voice; null if none is similar enough. */
export function nameOf(embedding: readonly number[], known: readonly KnownVoice[]): string | null {
  let best: { name: string | null; similarity: number } = { name: null, similarity: MIN_SIMILARITY }
  for (const { name, embedding: other } of known) {
    const found = similarity(embedding, other)
    if (found >= best.similarity) best = { name, similarity: found }
  }
  return best.name
}

/** The average of the voices of one speaker, weighted as `mergeVoices` does. */
export function averageOf(voices: readonly { seconds: number; embedding: readonly number[] }[]): number[] {
  const sum: number[] = []
  for (const { seconds, embedding } of voices) {
    for (const [index, value] of embedding.entries())
      sum[index] = (sum[index] ?? 0) + weightOf(seconds) * value
  }
  return unit(sum)
}
