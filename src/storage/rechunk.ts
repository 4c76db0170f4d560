/**
 * Joins and splits chunks into buffers of `size` bytes. The last one may be shorter or empty, and has
 * `isLast` set. There are two buffers: `bytes` are overwritten when the next buffer but one is requested.
 * Calls `onChunk` with the size of each chunk.
 */
export async function* rechunk(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  onChunk: (bytes: number) => void = () => {},
) {
  let buffer = new Uint8Array(size)
  let other: typeof buffer | undefined
  let filled = 0
  for await (const chunk of chunks) {
    onChunk(chunk.length)
    for (let offset = 0; offset < chunk.length; ) {
      if (filled === size) {
        yield { bytes: buffer, isLast: false }
        const next = other ?? new Uint8Array(size)
        other = buffer
        buffer = next
        filled = 0
      }
      const fitting = chunk.subarray(offset, offset + size - filled)
      buffer.set(fitting, filled)
      filled += fitting.length
      offset += fitting.length
    }
  }
  yield { bytes: buffer.subarray(0, filled), isLast: true }
}
