/**
 * Cuts chunks up anew, into parts of `size` bytes; the last one, which may be shorter or empty, says that it is the
 * last. There are two buffers: a part's bytes hold until the next but one is asked for.
 */
export async function* rechunk(chunks: AsyncIterable<Uint8Array>, size: number) {
  let part = new Uint8Array(size)
  let other: typeof part | undefined
  let filled = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === size) {
        yield { bytes: part, last: false }
        const next = other ?? new Uint8Array(size)
        other = part
        part = next
        filled = 0
      }
      const taken = chunk.subarray(at, at + size - filled)
      part.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: part.subarray(0, filled), last: true }
}
