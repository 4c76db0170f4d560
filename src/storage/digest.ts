import { createHash } from 'node:crypto'

/**
 * Counts and hashes the chunks of a stream. `result` returns the number of bytes and their SHA-256 in hex.
 */
export function createDigest() {
  // Web Crypto hashes whole buffers only. Deno and workerd have this module too.
  const hash = createHash('sha256')
  let bytes = 0
  return {
    update(chunk: Uint8Array): void {
      hash.update(chunk)
      bytes += chunk.length
    },
    result: () => ({ bytes, sha256: hash.digest('hex') }),
  }
}

/**
 * The chunks of `body`, which are counted and hashed as they are read. Calls `onChunk` with the size of each.
 */
export function withDigest(body: ReadableStream<Uint8Array>, onChunk: (bytes: number) => void = () => {}) {
  const { update, result } = createDigest()

  async function* hashedChunks() {
    for await (const chunk of body) {
      onChunk(chunk.length)
      update(chunk)
      yield chunk
    }
  }

  return { chunks: hashedChunks(), result }
}
