import { expect, test } from 'bun:test'
import { openCallerCache } from '../../src/auth/caller-cache.ts'

const HOUR = 3_600_000
const caller = { userId: crypto.randomUUID(), scopes: ['read'] as const, sessionId: null }

/** A cache whose notifications a test sends, and which counts lookups. */
async function opened() {
  const notify = { hear: (_: string) => {}, missed: () => {} }
  const cache = await openCallerCache({
    listen: async (_, listener) => void Object.assign(notify, listener),
    ttlMs: HOUR,
  })
  let lookups = 0
  return {
    cache,
    notify,
    lookups: () => lookups,
    find: async (token: string, expiresAt: number | null = null) => {
      const authenticated = await cache.find(token, async () => {
        lookups += 1
        return { caller, expiresAt }
      })
      return authenticated.caller
    },
  }
}

test('the cache looks up each token once', async () => {
  const { find, lookups } = await opened()
  expect([await find('a'), await find('a'), await find('b')]).toEqual([caller, caller, caller])
  expect(lookups()).toBe(2)
})

test.each(['hear', 'missed'] as const)('the database’s %s clears the cache', async (event) => {
  const { find, lookups, notify } = await opened()
  await find('a')
  notify[event]('')
  await find('a')
  expect(lookups()).toBe(2)
})

test('the cache does not keep a lookup during which rights changed', async () => {
  const { cache, find, lookups, notify } = await opened()
  const lookup = Promise.withResolvers<{ caller: typeof caller; expiresAt: null }>()
  const result = cache.find('a', () => lookup.promise)
  notify.hear('')
  lookup.resolve({ caller, expiresAt: null })
  expect(await result).toEqual({ caller, expiresAt: null })
  await find('a')
  expect(lookups()).toBe(1)
})

test('an entry does not outlive its token', async () => {
  const { find, lookups } = await opened()
  await find('a', Date.now() - 1)
  await find('a', Date.now() - 1)
  expect(lookups()).toBe(2)
})

test('the cache does not keep a failed lookup', async () => {
  const { cache, find, lookups } = await opened()
  await expect(cache.find('a', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  await find('a')
  expect(lookups()).toBe(1)
})

test('a full cache drops its oldest entry', async () => {
  const { find, lookups } = await opened()
  for (let count = 0; count <= 10_000; count += 1) await find(String(count))
  const before = lookups()
  await find('10000')
  expect(lookups()).toBe(before)
  await find('0')
  expect(lookups()).toBe(before + 1)
})
