import { continuation } from './languages.ts'

export type FinishedSpan = { startSample: number; endSample: number; segments: { text: string }[] }

/**
 * Yields the text of one channel's spans in spoken order. A span that finishes before an earlier one is held
 * back. The yielded texts together are the text of all segments.
 */
export async function* inOrder(spans: AsyncIterable<FinishedSpan>): AsyncGenerator<string, void> {
  const heldBack = new Map<number, FinishedSpan>()
  let nextSample = 0
  let before = ''

  function* textsOf({ segments }: FinishedSpan) {
    for (const { text } of segments) {
      const added = before === '' ? text.trim() : continuation(before, text)
      if (text.trim() !== '') before = text
      if (added !== '') yield added
    }
  }

  for await (const span of spans) {
    heldBack.set(span.startSample, span)
    for (let next = heldBack.get(nextSample); next; next = heldBack.get(nextSample)) {
      heldBack.delete(nextSample)
      nextSample = next.endSample
      yield* textsOf(next)
    }
  }
}
