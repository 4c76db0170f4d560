import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { asc, eq } from 'drizzle-orm'
import { segments, spans } from '../../src/db/schema.ts'
import type { Segment } from '../../src/engines/engine.ts'
import { startProcessing } from '../../src/transcriptions/pipeline/decoded.store.ts'
import {
  claimSpan,
  failSpan,
  finishSpan,
  insertSpans,
  releaseSpan,
  removeSpan,
  type Span,
} from '../../src/transcriptions/spans.store.ts'
import { addDoneSamples, fail, segmentsOf } from '../../src/transcriptions/transcriptions.store.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { insertOwned } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

const SECOND = 16_000

for (const kind of databases) {
  describe(`spans in ${kind.name}`, () => {
    let database: TestDatabase
    let transcriptionId: string
    let spanId: string
    beforeAll(async () => {
      database = await kind.open()
    })
    afterAll(() => database?.close())
    beforeEach(async () => {
      transcriptionId = await insertOwned(database.db)
      const [span] = await insert([90 * SECOND, 100 * SECOND])
      spanId = span?.id ?? ''
    })

    function insert(...ranges: [startSample: number, endSample: number][]) {
      return database.db.transaction((tx) =>
        insertSpans(tx, {
          transcriptionId,
          ranges: ranges.map(([startSample, endSample]) => ({ channel: 0, startSample, endSample })),
        }),
      )
    }

    async function claimed(): Promise<{ span: Span; claim: { spanId: string; attempt: number } }> {
      const claimed = await claimSpan(database.db, spanId)
      if (!claimed) throw new Error('the span cannot be claimed')
      const { span } = claimed
      return { span, claim: { spanId, attempt: span.attempt } }
    }

    function finish({ span, claim }: Awaited<ReturnType<typeof claimed>>, told: Segment[]) {
      const result = { segments: told, model: 'some-model', detected: { language: 'de', probability: 0.9 } }
      const finished = { claim, span, result, engine: 'sidecar', revision: null } as const
      return database.db.transaction(async (tx) => (await finishSpan(tx, finished)) !== null)
    }

    async function row(): Promise<Span | undefined> {
      return (await database.db.select().from(spans).where(eq(spans.id, spanId)))[0]
    }

    test('an attempt that lost its claim writes nothing, whatever its outcome', async () => {
      const older = await claimed()
      const latest = await claimed()
      expect([older.span.attempt, latest.span.attempt]).toEqual([1, 2])
      expect(await finish(older, [segmentOf({ text: ' older' })])).toBe(false)
      expect(await releaseSpan(database.db, { claim: older.claim, failed: true })).toBeNull()
      await database.db.transaction(async (tx) => {
        expect(await failSpan(tx, older.claim)).toBe(false)
        expect(await removeSpan(tx, older.claim)).toBe(false)
      })
      expect(await row()).toMatchObject({ state: 'running', attempt: 2, failures: 0 })
      expect(await finish(latest, [segmentOf({ text: ' latest' })])).toBe(true)
      expect(
        (await segmentsOf(database.db, { id: transcriptionId, channels: 'mix' })).map(({ text }) => text),
      ).toEqual([' latest'])
    })

    test('a span finishes once and cannot be claimed again', async () => {
      const work = await claimed()
      expect(await finish(work, [segmentOf({ text: ' once' })])).toBe(true)
      expect(await finish(work, [segmentOf({ text: ' twice' })])).toBe(false)
      expect(await releaseSpan(database.db, { claim: work.claim, failed: false })).toBeNull()
      expect(await claimSpan(database.db, spanId)).toBeNull()
      expect(await row()).toMatchObject({
        state: 'done',
        attempt: 1,
        engine: 'sidecar',
        model: 'some-model',
        detectedLanguage: 'de',
        detectedProbability: 0.9,
        finishedAt: expect.any(Date),
      })
      expect(await segmentsOf(database.db, { id: transcriptionId, channels: 'mix' })).toHaveLength(1)
    })

    test('a failed or unknown span, and a span of a finished transcription, cannot be claimed', async () => {
      const { claim } = await claimed()
      await database.db.transaction(async (tx) => expect(await failSpan(tx, claim)).toBe(true))
      expect(await claimSpan(database.db, spanId)).toBeNull()
      expect(await claimSpan(database.db, randomUUID())).toBeNull()
      const [other] = await insert([0, SECOND])
      await fail(database.db, { id: transcriptionId, code: 'internal', message: 'over' })
      expect(await claimSpan(database.db, other?.id ?? '')).toBeNull()
      expect(await startProcessing(database.db, transcriptionId)).toBeNull()
    })

    test('a released span can be claimed again, and counts only failures', async () => {
      expect(await releaseSpan(database.db, { ...(await claimed()), failed: false })).toBe(0)
      expect(await releaseSpan(database.db, { ...(await claimed()), failed: true })).toBe(1)
      expect(await releaseSpan(database.db, { ...(await claimed()), failed: true })).toBe(2)
      expect(await row()).toMatchObject({ state: 'queued', attempt: 3, failures: 2 })
    })

    test("segments and words are shifted by the span's offset, and cut at its end", async () => {
      const words = [
        { start: 1.5, end: 2.0005, word: ' stands', probability: 0.9 },
        { start: 9.5, end: 11, word: ' beside', probability: null },
      ]
      const told = [
        segmentOf({ start: 0, end: 1.2344, text: ' The old library' }),
        segmentOf({
          start: 1.5,
          end: 10.5,
          text: ' stands beside',
          words,
          language: 'en',
          avgLogprob: -0.25,
        }),
      ]
      await finish(await claimed(), told)
      const stored = await database.db
        .select()
        .from(segments)
        .where(eq(segments.transcriptionId, transcriptionId))
        .orderBy(asc(segments.position))
      expect(stored.map(({ start, end, text, position }) => ({ start, end, text, position }))).toEqual([
        { start: 90, end: 91.234, text: ' The old library', position: 0 },
        { start: 91.5, end: 100, text: ' stands beside', position: 1 },
      ])
      expect(stored[0]?.words).toBeNull()
      expect(stored[1]?.words).toEqual([
        { start: 91.5, end: 92.001, word: ' stands', probability: 0.9 },
        { start: 99.5, end: 100, word: ' beside', probability: null },
      ])
      expect(stored[1]).toMatchObject({ language: 'en', avgLogprob: -0.25, noSpeechProb: null })
    })

    test('segments are in the order of their spans, also if one ends when the next begins', async () => {
      const places = Array.from({ length: 12 }, (_, index): [number, number] => [
        index * SECOND,
        (index + 1) * SECOND,
      ])
      const told = ['starts', 'ends'].map((word, time) => ({ word, time }))
      const inserted = await insert(...places)
      for (const { id, startSample } of inserted.toReversed()) {
        spanId = id
        const second = startSample / SECOND
        await finish(
          await claimed(),
          told.map(({ word, time }) => segmentOf({ start: time, end: time, text: ` ${second} ${word}` })),
        )
      }
      expect(
        (await segmentsOf(database.db, { id: transcriptionId, channels: 'mix' })).map(({ text }) => text),
      ).toEqual(places.flatMap((_, second) => told.map(({ word }) => ` ${second} ${word}`)))
    })

    test('two spans cannot start at the same sample', async () => {
      const error = await insert([90 * SECOND, 91 * SECOND]).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(Error)
    })

    test('the spans of eight days in half minutes can be inserted', async () => {
      const HALF_MINUTE = 30 * SECOND
      const ranges = Array.from({ length: 23_040 }, (_, index) => ({
        channel: 0,
        startSample: index * HALF_MINUTE,
        endSample: (index + 1) * HALF_MINUTE,
      }))
      const { claim } = await claimed()
      const inserted = await database.db.transaction(async (tx) => {
        await removeSpan(tx, claim)
        return insertSpans(tx, { transcriptionId, ranges })
      })
      expect(inserted.map(({ startSample }) => startSample).toSorted((a, b) => a - b)).toEqual(
        ranges.map(({ startSample }) => startSample),
      )
    })

    test('finished samples are added until the transcription has finished', async () => {
      const done = () =>
        database.db.transaction((tx) => addDoneSamples(tx, { id: transcriptionId, samples: 40 }))
      await done()
      expect((await done())?.doneSamples).toBe(80)
      await fail(database.db, { id: transcriptionId, code: 'internal', message: 'over' })
      expect(await done()).toBeNull()
    })
  })
}
