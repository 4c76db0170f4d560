import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { count } from 'drizzle-orm'
import { outbox } from '../../src/db/schema.ts'
import type { NewJob } from '../../src/queue/jobs.ts'
import { outboxQueue, startTakeover } from '../../src/queue/outbox.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

describe.each(databases)('the outbox on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open()
  })
  afterAll(() => database.close())

  /** The names of the jobs that a worker receives, when there are `count`. */
  async function receive(queue: Queue, count: number): Promise<string[]> {
    const names: string[] = []
    const { promise, resolve } = Promise.withResolvers<string[]>()
    await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
      if (names.push(spanId) === count) resolve(names)
    })
    return promise
  }

  async function enqueue(jobs: NewJob<'span'>[]) {
    await database.db.transaction((tx) => outboxQueue().enqueue(tx, 'span', jobs))
  }

  const startRelay = (queue: Queue) =>
    startTakeover({ db: database.db, queue, listen: database.listen, log: console.error })

  test('concurrent processes move each job once, those of higher priority first', async () => {
    const names = Array.from({ length: 40 }, (_, at) => String(at).padStart(2, '0'))
    await enqueue(names.map((spanId, at) => ({ data: { spanId }, priority: -at })))
    const queue = await database.openQueue()
    const relays = await Promise.all([1, 2, 3].map(() => startRelay(queue)))
    for (const relay of relays) await relay.stop()
    expect(await receive(queue, names.length)).toEqual(names)
    await queue.stop(0)
    expect(await database.db.select({ count: count() }).from(outbox)).toEqual([{ count: 0 }])
  })

  test('a notification starts the move, and a rolled back job is never moved', async () => {
    const { db } = database
    const queue = await database.openQueue()
    const relay = await startRelay(queue)
    const undone = db.transaction(async (tx) => {
      await outboxQueue().enqueue(tx, 'span', [{ data: { spanId: 'undone' } }])
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    const received = receive(queue, 1)
    await enqueue([{ data: { spanId: 'done' } }])
    expect(await received).toEqual(['done'])
    await relay.stop()
    await queue.stop(0)
  })
})
