import { expect, test } from 'bun:test'
import { parseRange } from '../../src/http/headers/range.ts'

const SIZE = 1000

const whole = null
const cases: [header: string | null, answer: ReturnType<typeof parseRange>][] = [
  [null, whole],
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=0-499', { start: 0, end: 500 }],
  ['bytes=500-', { start: 500, end: SIZE }],
  ['bytes=999-', { start: 999, end: SIZE }],
  ['bytes=0-999', { start: 0, end: SIZE }],
  ['bytes=0-1000', { start: 0, end: SIZE }],
  ['bytes=0-99999999999999999999', { start: 0, end: SIZE }],
  ['bytes=-1', { start: 999, end: SIZE }],
  ['bytes=-5000', { start: 0, end: SIZE }],
  [' Bytes=1-2 ', { start: 1, end: 3 }],
  ['bytes=1000-', 'unsatisfiable'],
  ['bytes=1000-2000', 'unsatisfiable'],
  ['bytes=99999999999999999999-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', whole],
  ['bytes=-', whole],
  ['bytes=', whole],
  ['bytes=0-1,5-6', whole],
  ['bytes=a-b', whole],
  ['bytes=1.5-2', whole],
  ['bytes=--1', whole],
  ['items=0-1', whole],
]

test.each(cases)('Range: %p of 1000 bytes is %p', (header, answer) => {
  expect(parseRange(header, SIZE)).toEqual(answer)
})
