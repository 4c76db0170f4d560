import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { openPostgres } from '../../src/db/postgres.ts'
import { counters } from '../../src/db/schema.ts'
import { LimitError } from '../../src/errors.ts'
import { deleteExpired } from '../../src/limits/counters.store.ts'
import { createRate } from '../../src/limits/rate.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

describe.each(databases)('a rate on $name', (kind) => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  const rateOf = (perMinute: number, db = database.db) =>
    createRate({ db, name: `of-${perMinute}`, perMinute, problem: 'Too many' })
  const isRefused = (attempt: Promise<unknown>) =>
    attempt.then(
      () => false,
      (error) => error instanceof LimitError,
    )

  test('counts down for each key, and reports when it resets', async () => {
    const rate = rateOf(3)
    const quotas = [await rate('ada'), await rate('ada'), await rate('ada')]
    expect(quotas.map(({ remaining }) => remaining)).toEqual([2, 1, 0])
    for (const quota of quotas) {
      expect(quota).toMatchObject({ name: 'of-3', limit: 3, windowSeconds: 60 })
      expect(quota.resetSeconds).toBeWithin(1, 61)
    }
    expect((await rate('bob')).remaining).toBe(2)
    const error = await rate('ada').catch((error) => error)
    expect(error).toBeInstanceOf(LimitError)
    expect(error).toMatchObject({ code: 'rate_limited', quota: { remaining: 0 } })
    expect(error.retryAfterSeconds).toBeWithin(1, 61)
  })

  test('limits concurrent attempts across connections', async () => {
    const other = database.url ? await openPostgres({ url: database.url }) : null
    try {
      const rates = [rateOf(10), rateOf(10, other?.db)]
      const tries = Array.from({ length: 30 }, (_, index) => isRefused((rates[index % 2] ?? rateOf(10))('x')))
      expect((await Promise.all(tries)).filter((refused) => !refused).length).toBe(10)
    } finally {
      await other?.close()
    }
  })

  test('starts again after its minute, and expired counters are deleted', async () => {
    const rate = rateOf(1)
    await rate('a')
    await rate('b')
    expect(await isRefused(rate('a'))).toBe(true)
    await database.db
      .update(counters)
      .set({ until: sql`now() - interval '1 second'` })
      .where(sql`${counters.key} = 'of-1:a'`)
    expect((await rate('a')).remaining).toBe(0)
    expect(await isRefused(rate('a'))).toBe(true)
    await database.db
      .update(counters)
      .set({ until: sql`now() - interval '1 second'` })
      .where(sql`${counters.key} = 'of-1:a'`)
    await deleteExpired(database.db)
    const keys = (await database.db.select().from(counters)).map(({ key }) => key)
    expect(keys).not.toContain('of-1:a')
    expect(keys).toContain('of-1:b')
  })
})
