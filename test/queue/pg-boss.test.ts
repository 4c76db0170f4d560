import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Queue } from '../../src/queue/queue.ts'
import { queueContract } from '../contracts/queue.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

/** Longer than pg-boss needs to notice missing heartbeats. */
const MISSED_MS = 17_000

for (const kind of databases.filter(({ name }) => name === 'Postgres')) {
  queueContract({ name: 'pg-boss on Postgres', open: kind.open })

  describe('pg-boss on Postgres', () => {
    let database: TestDatabase
    let queue: Queue
    beforeAll(async () => {
      database = await kind.open()
    })
    afterEach(() => queue?.stop(0))
    afterAll(() => database?.close())

    async function start(handle: (spanId: string, signal: AbortSignal) => Promise<void>) {
      const { db } = database
      queue = await database.openQueue()
      await queue.clear()
      await db.transaction((tx) => queue.enqueue(tx, 'span', [{ data: { spanId: 'one' } }]))
      await queue.work('span', { concurrency: 2 }, ({ spanId }, signal) => handle(spanId, signal))
    }

    test('a finished job is deleted', async () => {
      const done = Promise.withResolvers<void>()
      await start(async () => done.resolve())
      await done.promise
      await queue.stop(1_000)
      expect(await database.db.select({ id: sql`id` }).from(sql`pgboss.job`)).toEqual([])
    })

    test('a job belongs to its handler as long as that runs', async () => {
      let runs = 0
      let isAborted = false
      const done = Promise.withResolvers<void>()
      await start(async (_, signal) => {
        runs += 1
        await Bun.sleep(MISSED_MS)
        isAborted = signal.aborted
        done.resolve()
      })
      await done.promise
      expect({ runs, isAborted }).toEqual({ runs: 1, isAborted: false })
    })

    test('a worker that had nothing to do notices a delayed job of another process', async () => {
      const { db } = database
      queue = await database.openQueue()
      await queue.clear()
      const ran: string[] = []
      const both = Promise.withResolvers<void>()
      await queue.work('span', { concurrency: 2 }, async ({ spanId }) => {
        if (ran.push(spanId) === 2) both.resolve()
      })
      // By then it waits for a notification.
      const looked = sql<boolean>`exists (
        select from pg_stat_activity
        where datname = current_database() and state = 'idle' and query like '%isUnfinished%'
      )`
      while (!(await db.select({ looked }).from(sql`(values (1)) as one`))[0]?.looked) await Bun.sleep(20)
      const other = await database.openQueue()
      await db.transaction(async (tx) => {
        await other.enqueue(tx, 'span', [{ data: { spanId: 'due' } }])
        await other.enqueue(tx, 'span', [{ data: { spanId: 'delayed' }, delaySeconds: 2 }])
      })
      await both.promise
      expect(ran).toEqual(['due', 'delayed'])
      await other.stop(0)
    }, 30_000)

    test('the signal of a handler fires when its job is deleted', async () => {
      const started = Promise.withResolvers<void>()
      const aborted = Promise.withResolvers<void>()
      await start(async (_, signal) => {
        signal.addEventListener('abort', () => aborted.resolve())
        started.resolve()
        await aborted.promise
      })
      await started.promise
      await queue.clear()
      await aborted.promise
    })
  })
}
