import { expect, test } from 'bun:test'
import { inOrder } from '../../src/transcriptions/transcript/in-order.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'

const TEXTS = [[' The old', ' library'], [], ['今日は', '良い。'], ['Yes.', 'No. ', ' Or so.']]

async function* finished(order: number[]) {
  for (const place of order) {
    const segments = (TEXTS[place] ?? []).map((text) => ({ text }))
    yield { startSample: place * 10, endSample: (place + 1) * 10, segments }
  }
}

test.each([[[0, 1, 2, 3]], [[3, 2, 1, 0]], [[1, 0, 3, 2]]])(
  'finished in the order %j, the text comes in its own',
  async (order) => {
    const pieces: string[] = []
    for await (const piece of inOrder(finished(order))) pieces.push(piece)
    expect(pieces.join('')).toBe(joinTexts(TEXTS.flat()))
    expect(pieces).toHaveLength(7)
  },
)

test('text before a gap is yielded at once', async () => {
  const pieces = inOrder(finished([0, 2]))
  expect((await pieces.next()).value).toBe('The old')
  expect((await pieces.next()).value).toBe(' library')
  expect((await pieces.next()).done).toBe(true)
})
