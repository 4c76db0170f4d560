import { expect, test } from 'bun:test'
import { waitIn } from '../../src/http/headers/prefer.ts'

test.each([
  ['wait=10', 10],
  ['respond-async, wait=10', 10],
  ['Wait = 5; foo=bar', 5],
  ['wait="7"', 7],
  ['wait=0', 0],
  ['wait=99999', 55],
  ['respond-async', null],
  ['await=10', null],
  ['wait=soon', null],
  ['wait=-1', null],
])('Prefer: %s waits for %p seconds', (prefer, seconds) => {
  expect(waitIn(new Headers({ prefer }))).toBe(seconds)
})

test('a request without Prefer does not wait', () => expect(waitIn(new Headers())).toBeNull())
