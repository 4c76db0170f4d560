import { continuation } from './languages.ts'

export type FinishedSpan = { startSample: number; endSample: number; segments: { text: string }[] }

/**
 * The pieces of a text from the spans of one channel, in the order in which they are spoken: those that are finished before
 * earlier ones are held back. Together they are the text of all segments.
 */
export async function* inOrder(spans: AsyncIterable<FinishedSpan>): AsyncGenerator<string, void> {
  const waiting = new Map<number, FinishedSpan>()
  let from = 0
  let before = ''

  function* tell({ segments }: FinishedSpan) {
    for (const { text } of segments) {
      const piece = before === '' ? text.trim() : continuation(before, text)
      if (text.trim() !== '') before = text
      if (piece !== '') yield piece
    }
  }

  for await (const span of spans) {
    waiting.set(span.startSample, span)
    for (let next = waiting.get(from); next; next = waiting.get(from)) {
      waiting.delete(from)
      from = next.endSample
      yield* tell(next)
    }
  }
}
