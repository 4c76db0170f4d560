import { randomFrom } from '../../test/support/seeded.ts'

/** Repeatable random draws. */
export type Chance = {
  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number
  /** An integer from 1 to `most`; every order of magnitude is equally likely. */
  upTo(most: number): number
  pick<T>(from: readonly T[]): T
  bytes(count: number): Uint8Array
}

/** The same seed and index draw the same values on every machine. */
export function chanceOf(seed: number, index: number): Chance {
  const random = randomFrom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35))
  const below = (limit: number) => Math.floor(random() * limit)
  return {
    below,
    upTo: (most) => Math.floor((most + 1) ** random()),
    pick(from) {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new RangeError('there is nothing to pick from')
      return picked
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  }
}
