import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { count } from 'drizzle-orm'
import { outbox } from '../../src/db/schema.ts'
import type { NewJob } from '../../src/queue/jobs.ts'
import { outboxQueue, startTakeover } from '../../src/queue/outbox.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

setDefaultTimeout(30_000)

const onError = (error: Error) => console.error(error)

describe.each(databases)('the outbox on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  /** The names of the jobs that a worker was given, once there are `count`. */
  async function given(queue: Queue, count: number): Promise<string[]> {
    const names: string[] = []
    const { promise, resolve } = Promise.withResolvers<string[]>()
    await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
      if (names.push(spanId) === count) resolve(names)
    })
    return promise
  }

  async function leave(jobs: NewJob<'span'>[]) {
    await database.db.transaction((tx) => outboxQueue().enqueue(tx, 'span', jobs))
  }

  const takeover = (queue: Queue) =>
    startTakeover({ db: database.db, queue, listen: database.listen, log: console.error })

  test('keeps jobs until they are taken over, each once however many try, those of higher priority first', async () => {
    const names = Array.from({ length: 40 }, (_, at) => String(at).padStart(2, '0'))
    await leave(names.map((spanId, at) => ({ data: { spanId }, priority: -at })))
    const queue = await pgBossQueue({ database: database.connection, listen: database.listen, onError })
    const takers = await Promise.all([1, 2, 3].map(() => takeover(queue)))
    for (const taker of takers) await taker.stop()
    expect(await given(queue, names.length)).toEqual(names)
    await queue.stop(0)
    expect(await database.db.select({ count: count() }).from(outbox)).toEqual([{ count: 0 }])
  })

  test('is looked at when something comes in, and never shows what was rolled back', async () => {
    const { db } = database
    const queue = await pgBossQueue({ database: database.connection, listen: database.listen, onError })
    const taker = await takeover(queue)
    const undone = db.transaction(async (tx) => {
      await outboxQueue().enqueue(tx, 'span', [{ data: { spanId: 'undone' } }])
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    const got = given(queue, 1)
    await leave([{ data: { spanId: 'done' } }])
    expect(await got).toEqual(['done'])
    await taker.stop()
    await queue.stop(0)
  })
})
