import { createHash } from 'node:crypto'

/** Passes a stream's chunks on; `measured` gives their number of bytes and sha256 (hex) once all have gone by. */
export function measure(body: ReadableStream<Uint8Array>) {
  // Web crypto hashes whole buffers only; this module is there on Deno and workerd too.
  const hash = createHash('sha256')
  let bytes = 0

  async function* passing() {
    for await (const chunk of body) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }

  return { chunks: passing(), measured: () => ({ bytes, sha256: hash.digest('hex') }) }
}
