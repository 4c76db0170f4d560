/** A repeatable source of chance. */
export type Chance = {
  /** A whole number from 0 up to but not including `limit`. */
  below(limit: number): number
  /** A whole number from 1 to `most`, of every order of magnitude alike. */
  upTo(most: number): number
  pick<T>(from: readonly T[]): T
  bytes(count: number): Uint8Array
}

/** The same seed and case number draw the same on every machine. */
export function chanceOf(seed: number, index: number): Chance {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)

  /** Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014), with 32 bits. */
  function next(): number {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }

  const below = (limit: number) => Math.floor(next() * limit)

  return {
    below,
    upTo: (most) => Math.floor((most + 1) ** next()),
    pick(from) {
      const one = from[below(from.length)]
      if (one === undefined) throw new RangeError('there is nothing to pick from')
      return one
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  }
}
