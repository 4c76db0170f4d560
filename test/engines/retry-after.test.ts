import { expect, test } from 'bun:test'
import { retryAfterSeconds } from '../../src/engines/shared/retry-after.ts'

const asked = (value: string) => retryAfterSeconds(new Headers({ 'retry-after': value }))

test('what an engine asks for is waited, but no longer than five minutes', () => {
  expect(asked('0.5')).toBe(0.5)
  expect(asked('300')).toBe(300)
  expect(asked('86400')).toBe(300)
  expect(asked('9'.repeat(400))).toBe(300)
  expect(asked(new Date(Date.now() + 86_400_000).toUTCString())).toBe(300)
  expect(asked(new Date(Date.now() - 86_400_000).toUTCString())).toBe(0)
})

test('one that says nothing is asked again in a few seconds', () => {
  const guess = retryAfterSeconds(new Headers())
  expect(guess).toBeWithin(1, 60)
  expect(asked('soon')).toBe(guess)
})
