import { concatenated } from './bytes.ts'

type Body = Pick<Response, 'body'>

/**
 * Reads an untrusted body up to `maxBytes` and cancels the rest. `isWhole` says whether that was the whole
 * body.
 */
export async function readBytesUpTo({ body }: Body, maxBytes: number) {
  const chunks: Uint8Array[] = []
  let length = 0
  let isWhole = true
  // A `break` out of the loop cancels the body.
  for await (const chunk of body ?? []) {
    const kept = chunk.subarray(0, maxBytes - length)
    chunks.push(kept)
    length += kept.length
    isWhole = kept.length === chunk.length
    if (!isWhole) break
  }
  return { bytes: concatenated(chunks), isWhole }
}

/** As `readBytesUpTo`, decoded as UTF-8. */
export async function readTextUpTo(body: Body, maxBytes: number) {
  const { bytes, isWhole } = await readBytesUpTo(body, maxBytes)
  return { text: new TextDecoder().decode(bytes), isWhole }
}
