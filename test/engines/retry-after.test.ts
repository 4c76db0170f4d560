import { expect, test } from 'bun:test'
import { retryAfterSeconds } from '../../src/engines/shared/retry-after.ts'

const asked = (value: string) => retryAfterSeconds(new Headers({ 'retry-after': value }))

test('Retry-After is respected up to five minutes', () => {
  expect(asked('0.5')).toBe(0.5)
  expect(asked('300')).toBe(300)
  expect(asked('86400')).toBe(300)
  expect(asked('9'.repeat(400))).toBe(300)
  expect(asked(new Date(Date.now() + 86_400_000).toUTCString())).toBe(300)
  expect(asked(new Date(Date.now() - 86_400_000).toUTCString())).toBe(0)
})

test('a missing or invalid Retry-After means a few seconds', () => {
  const guess = retryAfterSeconds(new Headers())
  expect(guess).toBeWithin(1, 60)
  expect(asked('soon')).toBe(guess)
})
