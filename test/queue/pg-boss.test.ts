import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { queueContract } from '../contracts/queue.ts'
import { databases, type TestDatabase } from '../support/databases.ts'

setDefaultTimeout(60_000)

/** A heartbeat that is missed is noticed by then. */
const MISSED_MS = 17_000

const onError = (error: Error) => console.error(error)

for (const kind of databases) {
  queueContract({
    name: `pg-boss on ${kind.name}`,
    async open() {
      const { db, connection, listen, close } = await kind.open()
      return { db, openQueue: () => pgBossQueue({ database: connection, listen, onError }), close }
    },
  })

  describe(`pg-boss on ${kind.name}`, () => {
    let database: TestDatabase
    let queue: Queue
    beforeAll(async () => {
      database = await kind.open()
    })
    afterEach(() => queue?.stop(0))
    afterAll(() => database?.close())

    async function start(handle: (spanId: string, signal: AbortSignal) => Promise<void>) {
      const { connection, listen, db } = database
      queue = await pgBossQueue({ database: connection, listen, onError })
      await queue.clear()
      await db.transaction((tx) => queue.enqueue(tx, 'span', [{ data: { spanId: 'one' } }]))
      await queue.work('span', { concurrency: 2 }, ({ spanId }, signal) => handle(spanId, signal))
    }

    test('a job that is done leaves nothing behind', async () => {
      const done = Promise.withResolvers<void>()
      await start(async () => done.resolve())
      await done.promise
      await queue.stop(1_000)
      expect(await database.db.select({ id: sql`id` }).from(sql`pgboss.job`)).toEqual([])
    })

    test('a job stays with its handler for as long as that runs', async () => {
      let given = 0
      let isAborted = false
      const done = Promise.withResolvers<void>()
      await start(async (_, signal) => {
        given += 1
        await Bun.sleep(MISSED_MS)
        isAborted = signal.aborted
        done.resolve()
      })
      await done.promise
      expect({ given, isAborted }).toEqual({ given: 1, isAborted: false })
    })

    test('a handler hears that its job was taken away', async () => {
      const taken = Promise.withResolvers<void>()
      const heard = Promise.withResolvers<void>()
      await start(async (_, signal) => {
        signal.addEventListener('abort', () => heard.resolve())
        taken.resolve()
        await heard.promise
      })
      await taken.promise
      await queue.clear()
      await heard.promise
    })
  })
}
