import { expect, test } from 'bun:test'
import { paragraphsOf, textOfWords } from '../../src/transcriptions/transcript/paragraphs.ts'

/** Words of one second each; a number is a pause in seconds. */
function spoken(...items: (string | number)[]) {
  let at = 0
  return items.flatMap((item) => {
    const start = at
    at += typeof item === 'number' ? item : 1
    return typeof item === 'number' ? [] : [{ text: item, start, end: at }]
  })
}

const textsOf = (...items: (string | number)[]) =>
  paragraphsOf(spoken(...items)).map((sentences) => sentences.map(textOfWords))

test('a paragraph ends after five sentences', () => {
  expect(textsOf(' A.', ' B.', ' C.', ' D.', ' E.', ' F', ' g')).toEqual([
    ['A.', 'B.', 'C.', 'D.', 'E.'],
    ['F g'],
  ])
})

test('a pause of two seconds ends a paragraph, and one of a second a sentence', () => {
  expect(textsOf(' A.', 1.9, ' B', 0.9, ' c.', 2, ' D', 1, ' e')).toEqual([
    ['A.', 'B c.'],
    ['D', 'e'],
  ])
})

test('a sentence of a script without spaces ends with its own punctuation', () => {
  expect(textsOf('你好', '。', '再见。')).toEqual([['你好。', '再见。']])
})

test('silence has no paragraphs', () => expect(paragraphsOf([])).toEqual([]))
