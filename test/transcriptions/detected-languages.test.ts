import { expect, test } from 'bun:test'
import { languagesOf } from '../../src/transcriptions/transcript/detected-languages.ts'

test('the language with the most speech comes first, not the one with the most segments', () => {
  expect(
    languagesOf([
      { start: 0, end: 1, language: 'de' },
      { start: 1, end: 2, language: 'de' },
      { start: 2, end: 9, language: 'en' },
      { start: 9, end: 90, language: null },
    ]),
  ).toEqual(['en', 'de'])
})

test('there is no language if no engine returned one', () => {
  expect(languagesOf([{ start: 0, end: 1, language: null }])).toEqual([])
})
