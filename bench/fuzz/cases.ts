import { chanceOf } from '../shared/chance.ts'
import { MUTATIONS } from './mutations.ts'

/** An undamaged recording. */
export type Sample = { name: string; bytes: Uint8Array }

/** The sample and the mutation of a case. Every pair occurs once before any occurs twice. */
export function planOf<S>(index: number, corpus: readonly S[]) {
  const turn = index % corpus.length
  const round = Math.floor(index / corpus.length)
  const sample = corpus[turn]
  const entry = MUTATIONS[(turn + round) % MUTATIONS.length]
  if (!sample || !entry) throw new RangeError(`there is no case ${index}`)
  const [mutation, mutate] = entry
  return { sample, mutation, mutate }
}

/** The damaged recording of a case; the same for the same seed, corpus and links. */
export function bytesOf({
  seed,
  index,
  corpus,
  links,
}: {
  seed: number
  index: number
  corpus: readonly Sample[]
  links: string[]
}): Uint8Array {
  const { sample, mutate } = planOf(index, corpus)
  const chance = chanceOf(seed, index)
  const other = chance.pick(corpus)
  return mutate(sample.bytes, chance, { other: other.bytes, links })
}
