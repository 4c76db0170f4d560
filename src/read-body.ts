type Body = Pick<Response, 'body'>

/**
 * A body from outside, read as it arrives and no further than `maxBytes`; `isWhole`: whether that was all of it. What is left is not
 * read.
 */
export async function readBytesUpTo({ body }: Body, maxBytes: number) {
  const pieces: Uint8Array[] = []
  let length = 0
  let isWhole = true
  // Leaving the loop early cancels the body.
  for await (const piece of body ?? []) {
    const kept = piece.subarray(0, maxBytes - length)
    pieces.push(kept)
    length += kept.length
    isWhole = kept.length === piece.length
    if (!isWhole) break
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { bytes, isWhole }
}

/** The same as text. */
export async function readTextUpTo(body: Body, maxBytes: number) {
  const { bytes, isWhole } = await readBytesUpTo(body, maxBytes)
  return { text: new TextDecoder().decode(bytes), isWhole }
}
