import { createHash } from 'node:crypto'

/** Takes a stream's chunks as they go by; `measured` gives their number of bytes and sha256 (hex) once all have. */
export function meter() {
  // Web crypto hashes whole buffers only; this module is there on Deno and workerd too.
  const hash = createHash('sha256')
  let bytes = 0
  return {
    take(chunk: Uint8Array): void {
      hash.update(chunk)
      bytes += chunk.length
    },
    measured: () => ({ bytes, sha256: hash.digest('hex') }),
  }
}

/** Passes a stream's chunks on, measured. */
export function digestOf(body: ReadableStream<Uint8Array>) {
  const { take, measured } = meter()

  async function* passing() {
    for await (const chunk of body) {
      take(chunk)
      yield chunk
    }
  }

  return { chunks: passing(), measured }
}
