import { expect, test } from 'bun:test'
import { openCallerCache } from '../../src/auth/caller-cache.ts'

const HOUR = 3_600_000
const caller = { userId: crypto.randomUUID(), scopes: ['read'] as const, sessionId: null }

/** With a database that says when it is told to, and counts of how often callers were looked up. */
async function opened() {
  const said = { hear: (_: string) => {}, missed: () => {} }
  const known = await openCallerCache({
    listen: async (_, to) => void Object.assign(said, to),
    mostMs: HOUR,
  })
  let found = 0
  return {
    ...{ known, said, found: () => found },
    ask: async (token: string, expiresAt: number | null = null) => {
      const admitted = await known.find(token, async () => {
        found += 1
        return { caller, expiresAt }
      })
      return admitted.caller
    },
  }
}

test('who asks again is not looked up again; who has another token is', async () => {
  const { ask, found } = await opened()
  expect([await ask('a'), await ask('a'), await ask('b')]).toEqual([caller, caller, caller])
  expect(found()).toBe(2)
})

test.each(['hear', 'missed'] as const)('all are looked up again after the database’s %s', async (how) => {
  const { ask, found, said } = await opened()
  await ask('a')
  said[how]('')
  await ask('a')
  expect(found()).toBe(2)
})

test('what is found while something is taken away is not kept', async () => {
  const { known, ask, found, said } = await opened()
  const looking = Promise.withResolvers<{ caller: typeof caller; expiresAt: null }>()
  const asked = known.find('a', () => looking.promise)
  said.hear('')
  looking.resolve({ caller, expiresAt: null })
  expect(await asked).toEqual({ caller, expiresAt: null })
  await ask('a')
  expect(found()).toBe(1)
})

test('a token is not taken for longer than it is valid', async () => {
  const { ask, found } = await opened()
  await ask('a', Date.now() - 1)
  await ask('a', Date.now() - 1)
  expect(found()).toBe(2)
})

test('one that is refused is not kept', async () => {
  const { known, ask, found } = await opened()
  await expect(known.find('a', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  await ask('a')
  expect(found()).toBe(1)
})

test('of many the latest are kept', async () => {
  const { ask, found } = await opened()
  for (let one = 0; one <= 10_000; one += 1) await ask(String(one))
  const all = found()
  await ask('10000')
  expect(found()).toBe(all)
  await ask('0')
  expect(found()).toBe(all + 1)
})
