import { expect, test } from 'bun:test'
import { paragraphsOf } from '../../src/transcriptions/transcript/paragraphs.ts'

/** Words of one second each; a number is a pause in seconds. */
function spoken(...items: (string | number)[]) {
  let at = 0
  return items.flatMap((item) => {
    const start = at
    at += typeof item === 'number' ? item : 1
    return typeof item === 'number' ? [] : [{ text: item, start, end: at }]
  })
}

const textsOf = (...items: (string | number)[]) => paragraphsOf(spoken(...items)).map(({ text }) => text)

test('a paragraph ends after five sentences', () => {
  expect(textsOf(' A.', ' B.', ' C.', ' D.', ' E.', ' F', ' g')).toEqual(['A. B. C. D. E.', 'F g'])
})

test('a pause of more than two seconds between sentences ends a paragraph', () => {
  expect(textsOf(' A.', 2, ' B.', 2.5, ' C', 3, ' d.')).toEqual(['A. B.', 'C d.'])
})

test('sentences of a script without spaces are joined without spaces', () => {
  expect(paragraphsOf(spoken('你好', '。', '再见。'))).toEqual([
    {
      text: '你好。再见。',
      sentences: [
        { text: '你好。', start: 0, end: 2 },
        { text: '再见。', start: 2, end: 3 },
      ],
      wordCount: 3,
      start: 0,
      end: 3,
    },
  ])
})

test('silence has no paragraphs', () => expect(paragraphsOf([])).toEqual([]))
