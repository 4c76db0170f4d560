import { concatenated } from '../../bytes.ts'

/** No recording starts with so many bytes of text. */
export const START_BYTES = 512

/** Reads the first 512 bytes of a body. `chunks` yields the whole body, with these bytes. */
export async function withStart(
  body: AsyncGenerator<Uint8Array, void>,
): Promise<{ start: Uint8Array; chunks: AsyncGenerator<Uint8Array, void> }> {
  const first: Uint8Array[] = []
  let bytes = 0
  while (bytes < START_BYTES) {
    const { value } = await body.next()
    if (!value) break
    // The memory of a chunk is released when the next one is read.
    first.push(value.slice())
    bytes += value.length
  }
  const start = concatenated(first)

  async function* chunks() {
    try {
      if (start.length > 0) yield start
      yield* body
    } finally {
      await body.return()
    }
  }
  return { start: start.subarray(0, START_BYTES), chunks: chunks() }
}

/** Whether bytes are UTF-8 without control characters, possibly cut within a character. */
export function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return !/[^\P{Cc}\s]/u.test(text)
  } catch {
    return false
  }
}
