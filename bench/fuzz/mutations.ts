import type { Chance } from '../shared/chance.ts'
import { FIELDS_BYTES, headerOffsets } from './headers.ts'

/**
 * The other inputs of a mutation: another file of the corpus, and texts that name other files or addresses.
 */
type Context = { other: Uint8Array; links: string[] }

// Mutations copy with `new Uint8Array`, since the `slice` of a Buffer shares memory and the sample must stay
// unchanged.
type Mutate = (bytes: Uint8Array, chance: Chance, context: Context) => Uint8Array

const LARGEST_BYTES = 4 * 2 ** 20
const LONGEST_RUN = 4_096
const LONGEST_BLOCK = 65_536

const truncated: Mutate = (bytes, chance) => bytes.subarray(0, cutOf(bytes, chance))

const bits: Mutate = (bytes, chance) => {
  const damaged = new Uint8Array(bytes)
  for (let left = chance.upTo(Math.ceil(bytes.length / 64)); left > 0; left--) {
    const at = chance.below(bytes.length)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << chance.below(8))
  }
  return damaged
}

const runs: Mutate = (bytes, chance) => {
  const damaged = new Uint8Array(bytes)
  for (let left = chance.upTo(8); left > 0; left--) {
    const at = chance.below(bytes.length)
    const length = chance.upTo(Math.min(LONGEST_RUN, bytes.length - at))
    const from = chance.below(bytes.length - length + 1)
    damaged.set(
      chance.pick([
        new Uint8Array(length),
        new Uint8Array(length).fill(255),
        chance.bytes(length),
        bytes.subarray(from, from + length),
      ]),
      at,
    )
  }
  return damaged
}

/** Overwrites header fields with numbers at their limits or near their old values. */
const header: Mutate = (bytes, chance) => {
  const damaged = new Uint8Array(bytes)
  const offsets = headerOffsets(bytes)
  for (let left = chance.upTo(8); left > 0; left--) {
    const at = chance.pick(offsets) + chance.below(FIELDS_BYTES)
    const field = { at, width: chance.pick([1, 2, 3, 4, 8]), little: chance.below(2) === 0 }
    const now = read(damaged, field)
    const top = 1n << BigInt(8 * field.width)
    const edges = [0n, 1n, top - 1n, top / 2n, top / 2n - 1n, top / 256n - 1n]
    const near = [now + 1n, now - 1n, now * 2n, now / 2n, ~now]
    const any = BigInt(chance.below(2 ** 32))
    write(damaged, field, chance.pick([chance.pick(edges), chance.pick(near), any]))
  }
  return damaged
}

const splice: Mutate = (bytes, chance, { other }) => {
  const cut = cutOf(bytes, chance)
  const from = cutOf(other, chance)
  const piece = other.subarray(from, from + chance.upTo(LONGEST_BLOCK))
  return chance.pick([
    () => joined(bytes.subarray(0, cut), other.subarray(from)),
    () => joined(bytes.subarray(0, cut), piece, bytes.subarray(cut)),
    () => joined(bytes.subarray(0, cut), piece, bytes.subarray(cut + piece.length)),
    () => joined(bytes, other),
  ])()
}

const repeated: Mutate = (bytes, chance) => {
  const { start, end } = blockOf(bytes, chance)
  const room = Math.floor((LARGEST_BYTES - bytes.length) / Math.max(1, end - start))
  const times = chance.upTo(Math.max(1, Math.min(256, room)))
  return joined(
    bytes.subarray(0, end),
    ...Array.from({ length: times }, () => bytes.subarray(start, end)),
    bytes.subarray(end),
  )
}

const removed: Mutate = (bytes, chance) => {
  let rest = bytes
  for (let left = chance.upTo(4); left > 0; left--) {
    const { start, end } = blockOf(rest, chance)
    rest = joined(rest.subarray(0, start), rest.subarray(end))
  }
  return rest
}

/** Inserts a link: instead of the file, before it, inside it, or over a part of it. */
const links: Mutate = (bytes, chance, context) => {
  const link = new TextEncoder().encode(chance.pick(context.links))
  const at = cutOf(bytes, chance)
  return chance.pick([
    () => link,
    () => joined(link, bytes),
    () => joined(bytes.subarray(0, at), link, bytes.subarray(at)),
    () => joined(bytes.subarray(0, at), link, bytes.subarray(at + link.length)),
  ])()
}

export const MUTATIONS: [name: string, mutate: Mutate][] = Object.entries({
  truncated,
  bits,
  runs,
  header,
  splice,
  repeated,
  removed,
  links,
})

/** A random offset; half of them are near the start, where the headers are. */
function cutOf(bytes: Uint8Array, chance: Chance): number {
  return chance.below(2) === 0 ? chance.below(bytes.length + 1) : chance.upTo(bytes.length + 1) - 1
}

function blockOf(bytes: Uint8Array, chance: Chance) {
  const start = cutOf(bytes, chance)
  return { start, end: start + chance.upTo(Math.max(1, Math.min(LONGEST_BLOCK, bytes.length - start))) }
}

type Field = { at: number; width: number; little: boolean }

function read(bytes: Uint8Array, { at, width, little }: Field): bigint {
  let value = 0n
  for (let index = 0; index < width; index++) {
    value = (value << 8n) | BigInt(bytes[little ? at + width - 1 - index : at + index] ?? 0)
  }
  return value
}

function write(bytes: Uint8Array, { at, width, little }: Field, value: bigint): void {
  let rest = BigInt.asUintN(8 * width, value)
  for (let index = 0; index < width; index++, rest >>= 8n) {
    const offset = little ? at + index : at + width - 1 - index
    if (offset < bytes.length) bytes[offset] = Number(rest & 255n)
  }
}

const joined = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)
