import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { spans, transcriptions } from '../../src/db/schema.ts'
import { createEta } from '../../src/transcriptions/reading/eta.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { insertOwned } from '../support/rows.ts'

const SECOND = 16_000

for (const kind of databases) {
  describe(`the ETA of a transcription on ${kind.name}`, () => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await kind.open()
    })
    afterAll(() => database?.close())
    beforeEach(async () => {
      await database.db.delete(transcriptions)
    })

    /** Inserts finished spans of 60 s of audio each, transcribed between these times (in seconds before now). */
    async function done(...times: [startedAgo: number, finishedAgo: number][]) {
      const transcriptionId = await insertOwned(database.db, { status: 'completed' })
      const ago = (seconds: number) => sql`now() - make_interval(secs => ${seconds})`
      await database.db.insert(spans).values(
        times.map(([startedAgo, finishedAgo], index) => ({
          transcriptionId,
          startSample: index * 60 * SECOND,
          endSample: (index + 1) * 60 * SECOND,
          state: 'done' as const,
          startedAt: ago(startedAgo),
          finishedAt: ago(finishedAgo),
        })),
      )
    }
    const open = (place: number, of: Partial<typeof transcriptions.$inferInsert>) =>
      insertOwned(database.db, { createdAt: new Date(Date.now() - 60_000 + place * 1000), ...of })
    const outlook = () => createEta({ db: database.db, cacheMs: 0 })

    test('uses the speed while any engine was busy', async () => {
      // 180 s of audio in 30 s: two spans at a time, then a pause that does not count, then one more.
      await done([100, 80], [100, 80], [50, 40])
      const id = await open(0, { claimedSeconds: 120 })
      const found = await outlook()(id)
      expect(found?.queuePosition).toBe(0)
      expect(found?.estimatedSeconds).toBeCloseTo(20, 1)
    })

    test('counts the unfinished audio of older files up to the length of the file itself', async () => {
      await done([60, 0])
      const long = await open(0, { workSamples: 3600 * SECOND, doneSamples: 60 * SECOND })
      const short = await open(1, { claimedSeconds: 30 })
      const middle = await open(2, { workSamples: 100 * SECOND, doneSamples: 10 * SECOND })
      const ask = outlook()
      expect(await ask(short)).toEqual({ queuePosition: 1, estimatedSeconds: expect.closeTo(0 + 30 + 20, 0) })
      expect(await ask(middle)).toEqual({
        queuePosition: 2,
        estimatedSeconds: expect.closeTo(40 + 30 + 90, 0),
      })
      expect(await ask(long)).toEqual({
        queuePosition: 0,
        estimatedSeconds: expect.closeTo(3540 + 30 + 90, 0),
      })
    })

    test('counts time ranges, separate channels and files whose header has no length', async () => {
      await done([60, 0])
      const part = await open(0, { claimedSeconds: 100, partStart: 40, partEnd: 500 })
      const apart = await open(1, { claimedSeconds: 50, channels: 'split', audioChannels: 2 })
      const unknown = await open(2, {})
      const ask = outlook()
      expect((await ask(part))?.estimatedSeconds).toBeCloseTo(60 + 60 + 60, 0)
      expect((await ask(apart))?.estimatedSeconds).toBeCloseTo(60 + 100 + 100, 0)
      expect(await ask(unknown)).toEqual({ queuePosition: 2, estimatedSeconds: null })
    })

    test('is unknown before any span has finished, and null for a finished transcription', async () => {
      const id = await open(0, { claimedSeconds: 30 })
      expect(await outlook()(id)).toEqual({ queuePosition: 0, estimatedSeconds: null })
      expect(await outlook()(await insertOwned(database.db, { status: 'completed' }))).toBeNull()
    })
  })
}
