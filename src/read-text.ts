/**
 * The text of a body from outside, read as it arrives and no further than `maxBytes`; `isWhole`: whether that was all of it. What is
 * left is not read.
 */
export async function readTextUpTo(
  { body }: Pick<Response, 'body'>,
  maxBytes: number,
): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // Leaving the loop early cancels the body.
  for await (const piece of body ?? []) {
    const room = maxBytes - bytes
    bytes += piece.length
    text += decoder.decode(piece.subarray(0, room), { stream: true })
    if (piece.length > room) return { text, isWhole: false }
  }
  return { text: text + decoder.decode(), isWhole: true }
}
