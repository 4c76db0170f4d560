import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { spans } from '../../src/db/schema.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { recoverJobs } from '../../src/transcriptions/pipeline/recover-jobs.ts'
import { insertSpans, type Span } from '../../src/transcriptions/spans.store.ts'
import type { Transcription } from '../../src/transcriptions/transcriptions.store.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { insertOwned } from '../support/rows.ts'

for (const kind of databases) {
  describe(`recovery of jobs on ${kind.name}`, () => {
    let database: TestDatabase
    let queue: Queue
    beforeAll(async () => {
      database = await kind.open()
      queue = await database.openQueue()
    })
    afterAll(async () => {
      await queue?.stop(0)
      await database?.close()
    })

    /** Inserts a transcription as an earlier run left it, with one span in each of the states; returns all ids. */
    async function left(status: Transcription['status'], states: Span['state'][]) {
      const id = await insertOwned(database.db, {
        status,
        ...(states.length > 0 && { totalSamples: 160_000 }),
      })
      const ids: string[] = []
      for (const [index, state] of states.entries()) {
        const ranges = [{ channel: 0, startSample: index * 16_000, endSample: (index + 1) * 16_000 }]
        const [span] = await database.db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges }))
        await database.db
          .update(spans)
          .set({ state })
          .where(eq(spans.id, span?.id ?? ''))
        ids.push(span?.id ?? '')
      }
      return { id, spans: ids }
    }

    test('creates one job for each unfinished row, and none for others', async () => {
      const { db } = database
      const uploaded = await left('queued', [])
      const preparing = await left('processing', [])
      const halfDone = await left('processing', ['done', 'running', 'queued', 'done'])
      await left('completed', ['done'])
      await left('failed', ['done', 'failed', 'queued'])
      await left('canceled', ['running', 'queued'])
      await left('failed', [])
      await db.transaction(async (tx) => {
        await queue.enqueue(tx, 'span', [{ data: { spanId: 'of a run before' } }])
        await queue.enqueue(tx, 'prepare', [{ data: { transcriptionId: preparing.id } }])
      })
      expect(await recoverJobs({ db, queue })).toBe(4)
      expect(await recoverJobs({ db, queue })).toBe(4)

      const got: string[] = []
      const bothEnds = new Set<string>()
      const over = Promise.withResolvers<void>()
      const take = (id: string) => {
        if (!id.startsWith('end of')) got.push(id)
        else if (bothEnds.add(id).size === 2) over.resolve()
      }
      await db.transaction(async (tx) => {
        await queue.enqueue(tx, 'clip', [{ data: { spanId: 'end of spans' }, priority: -1 }])
        await queue.enqueue(tx, 'prepare', [{ data: { transcriptionId: 'end of all' }, priority: -1 }])
      })
      for (const name of ['span', 'clip'] as const) {
        await queue.work(name, { concurrency: 1 }, async ({ spanId }) => void take(spanId))
      }
      await queue.work(
        'prepare',
        { concurrency: 1 },
        async ({ transcriptionId }) => void take(transcriptionId),
      )
      await over.promise
      const unfinished = [uploaded.id, preparing.id, ...halfDone.spans.slice(1, 3)]
      expect(got.toSorted()).toEqual(unfinished.toSorted())
    })
  })
}
