import { expect, test } from 'bun:test'
import { preferredType } from '../../src/http/headers/accept.ts'

const TYPES = ['application/json', 'text/plain', 'text/vtt'] as const

test.each<[string | null, (typeof TYPES)[number] | null]>([
  [null, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
  ['text/vtt', 'text/vtt'],
  ['TEXT/VTT; charset=utf-8', 'text/vtt'],
  ['text/*', 'text/plain'],
  ['text/plain;q=0.5, text/vtt', 'text/vtt'],
  ['application/json;q=0, */*', 'text/plain'],
  ['text/*, text/plain;q=0.1', 'text/vtt'],
  ['text/html', null],
  ['application/json;q=0', null],
  ['image/png, text/vtt;q=0', null],
])('Accept: %s prefers %p', (accept, type) => {
  expect(preferredType(accept, TYPES)).toBe(type)
})
