import { readSync } from 'node:fs'

/** The bytes that the decoder sees as its only file. */
export type Source = {
  size: number
  /** Reads up to `length` bytes at `position` to `target`, and returns their number; 0 at the end. */
  read(target: Int8Array | Uint8Array, offset: number, length: number, position: number): number
}

/** The file itself. Reads use the descriptor with 64-bit offsets, without a copy. */
export function fileSource({ fd, size }: { fd: number; size: number }): Source {
  return {
    size,
    read(target, offset, length, position) {
      if (position >= size) return 0
      return readSync(fd, target, offset, Math.min(length, size - position), position)
    },
  }
}

/** `head`, followed by ranges of another source. */
export function joinedSource(
  source: Source,
  { head, ranges }: { head: Uint8Array; ranges: { start: number; end: number }[] },
): Source {
  const parts = ranges.map(({ start, end }) => ({ start, length: end - start }))
  return {
    size: parts.reduce((sum, { length }) => sum + length, head.length),
    read(target, offset, length, position) {
      if (position < head.length) {
        const bytes = head.subarray(position, position + length)
        target.set(bytes, offset)
        return bytes.length
      }
      let before = head.length
      for (const part of parts) {
        const within = position - before
        if (within < part.length) {
          return source.read(target, offset, Math.min(length, part.length - within), part.start + within)
        }
        before += part.length
      }
      return 0
    },
  }
}

/** Up to `length` bytes at `position`; fewer only at the end. */
export function bytesAt(source: Source, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    const count = source.read(bytes, filled, length - filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}
