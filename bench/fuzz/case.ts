import { chanceOf } from '../shared/chance.ts'
import { MUTATIONS } from './mutations.ts'

/** A whole recording that cases are made of. */
export type Sample = { name: string; bytes: Uint8Array }

/** Which sample case `index` is made of and how it is damaged: each pair comes once before any comes twice. */
export function planOf<S>(index: number, corpus: readonly S[]) {
  const turn = index % corpus.length
  const round = Math.floor(index / corpus.length)
  const sample = corpus[turn]
  const named = MUTATIONS[(turn + round) % MUTATIONS.length]
  if (!sample || !named) throw new RangeError(`there is no case ${index}`)
  const [mutation, mutate] = named
  return { sample, mutation, mutate }
}

/** The bytes of case `index`: the same for the same seed, corpus and links. */
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
