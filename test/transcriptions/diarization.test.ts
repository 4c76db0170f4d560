import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { diarizations } from '../../src/db/schema.ts'
import { withFailover } from '../../src/engines/failover.ts'
import { wavOf } from '../../src/media/wav.ts'
import { conversationPcm, hearConversation, randomConversation, WORDS } from '../support/conversation.ts'
import { databases } from '../support/databases.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { stereoWav } from '../support/recordings.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

/** Two pieces of pcm. */
const people = randomConversation(340, { people: 3, seed: 7 })
const recording = wavOf(conversationPcm(people))
const spans = { targetSpanSeconds: 30, maxSpanSeconds: 45 }

for (const kind of databases) {
  describe(`speakers, on ${kind.name}`, () => {
    let pipeline: Pipeline
    beforeAll(async () => {
      pipeline = await openPipeline(kind)
    })
    afterEach(() => pipeline?.tidy())
    afterAll(() => pipeline?.close())

    const diarizationsOf = (id: string) =>
      pipeline.db.select().from(diarizations).where(eq(diarizations.transcriptionId, id))

    /** Who says what when, and the speakers. */
    async function labelsOf(id: string) {
      const { speakers, warnings, text } = await pipeline.once(id, isFinished)
      const segments = await pipeline.segmentsOf(id)
      return {
        speakers,
        warnings,
        text,
        segments: segments.map(({ start, end, text, speaker }) => ({ start, end, text, speaker })),
      }
    }

    const listening = (concurrency: number) =>
      scriptedEngine({
        ...spans,
        concurrency,
        // Later spans are answered first.
        async answer(span, call) {
          await Bun.sleep(concurrency > 1 ? 40 - 10 * (call % 4) : 0)
          return hearConversation(span)
        },
      })

    test('are the same with 1, 2 and 8 workers, and each word has the right one', async () => {
      const results: Awaited<ReturnType<typeof labelsOf>>[] = []
      for (const workers of [1, 2, 8]) {
        const engine = listening(workers)
        const queue = await pipeline.startWorker(engine)
        for (let more = 1; more < workers / 4; more++) await pipeline.startWorker(engine)
        results.push(await labelsOf(await pipeline.upload(queue, recording, { speakers: 'true' })))
        await pipeline.tidy()
      }
      const [one, two, eight] = results
      expect(two).toEqual(one)
      expect(eight).toEqual(one)
      expect(one?.warnings).toEqual([])
      expect(one?.speakers).toMatchObject([
        { id: 'A', name: null, channel: 0 },
        { id: 'B', name: null },
        { id: 'C', name: null },
      ])
      const letters = [...new Set(people.filter(Boolean))].map((person) => WORDS[person]?.trim())
      for (const { text, speaker } of one?.segments ?? []) {
        const said = new Set(text.trim().split(' '))
        expect([...said].map((word) => 'ABC'[letters.indexOf(word)])).toEqual([speaker ?? undefined])
      }
      for (const [index, person] of [...new Set(people.filter(Boolean))].entries()) {
        const seconds = people.filter((other) => other === person).length
        expect(one?.speakers?.[index]?.seconds).toBeCloseTo(seconds, 1)
      }
    })

    test('are the same after interruptions of the worker', async () => {
      const calm = await pipeline.startWorker(listening(2))
      const expected = await labelsOf(await pipeline.upload(calm, recording, { speakers: 'true' }))
      await pipeline.tidy()
      let calls = 0
      const interrupted = Promise.withResolvers<void>()
      const engine = scriptedEngine({
        ...spans,
        concurrency: 2,
        async answer(span) {
          if (++calls === 5) {
            interrupted.resolve()
            await new Promise(() => {})
          }
          return hearConversation(span)
        },
      })
      const first = await pipeline.startWorker(engine)
      const id = await pipeline.upload(first, recording, { speakers: 'true' })
      await interrupted.promise
      await first.stop(0)
      await pipeline.startWorker(listening(2))
      expect(await labelsOf(id)).toEqual(expected)
    })

    test('are heard with up to 5 s of context, and only if they were requested', async () => {
      const engine = listening(1)
      const queue = await pipeline.startWorker(engine)
      await labelsOf(await pipeline.upload(queue, recording, { speakers: 'true' }))
      const context = engine.calls.map(({ diarize }) => [diarize?.before.length, diarize?.after.length])
      expect(context.filter(([before]) => before === 0)).toHaveLength(1)
      expect(context.filter(([, after]) => after === 0)).toHaveLength(1)
      expect(context.flat().every((length) => length !== undefined && length <= 160_000)).toBe(true)
      expect(context.flat().filter((length) => length === 160_000).length).toBeGreaterThan(context.length)
      engine.calls.length = 0
      const id = await pipeline.upload(queue, wavOf(conversationPcm([1, 2])))
      expect((await labelsOf(id)).speakers).toBeNull()
      expect(engine.calls.map(({ diarize, words }) => [diarize, words])).toEqual([[null, false]])
      expect(await diarizationsOf(id)).toEqual([])
    })

    test('leave no embeddings behind', async () => {
      const queue = await pipeline.startWorker(listening(2))
      const id = await pipeline.upload(queue, recording, { speakers: 'true' })
      await labelsOf(id)
      const stored = await diarizationsOf(id)
      expect(stored.length).toBe((await pipeline.spansOf(id)).length)
      for (const { voice, embedding, speaker } of stored.flatMap(({ voices }) => voices)) {
        expect({ voice, embedding, speaker }).toMatchObject({ embedding: null, speaker: expect.any(String) })
      }
    })

    test('are told apart within each channel', async () => {
      const queue = await pipeline.startWorker(listening(1))
      const stereo = stereoWav(
        conversationPcm([1, 1, 1, 2, 2, 2, 0, 0]),
        conversationPcm([0, 0, 0, 0, 1, 1, 1, 1]),
      )
      const id = await pipeline.upload(queue, stereo, { speakers: 'true', channels: 'split' })
      expect((await labelsOf(id)).speakers).toEqual([
        { id: 'A', name: null, channel: 0, seconds: 3 },
        { id: 'B', name: null, channel: 0, seconds: 3 },
        { id: 'C', name: null, channel: 1, seconds: 4 },
      ])
    })

    test('are as many as requested', async () => {
      const queue = await pipeline.startWorker(listening(2))
      const id = await pipeline.upload(queue, recording, { speakers: '2' })
      expect((await labelsOf(id)).speakers).toHaveLength(2)
    })

    test('are told apart by a sidecar if a hosted engine transcribes, and missing without one', async () => {
      const withoutSpeakers = scriptedEngine({
        ...spans,
        answer: (span) => hearConversation({ ...span, diarize: null }),
      })
      const hosted = { ...withoutSpeakers, name: 'huggingface' as const }
      const conversation = wavOf(conversationPcm([1, 1, 1, 2, 2, 2]))
      const sidecar = listening(1)
      const both = await pipeline.startWorker(withFailover([hosted, sidecar]))
      const fields = { speakers: 'true', engine: 'hosted' }
      const id = await pipeline.upload(both, conversation, fields)
      expect((await labelsOf(id)).segments).toMatchObject([
        { text: ' one one one', speaker: 'A' },
        { text: ' two two two', speaker: 'B' },
      ])
      expect(await pipeline.spansOf(id)).toMatchObject([{ engine: 'huggingface' }])
      expect(withoutSpeakers.calls).toMatchObject([{ task: 'transcribe' }])
      expect(sidecar.calls).toMatchObject([{ task: 'diarize' }])
      await pipeline.tidy()
      const alone = await pipeline.startWorker(hosted)
      const { warnings, text } = await labelsOf(await pipeline.upload(alone, conversation, fields))
      expect(text).toBe('one one one two two two')
      expect(warnings[0]?.message).toStartWith('Speakers were not told apart: only a sidecar tells')
    })

    test('are missing with a warning if the engine cannot tell them apart', async () => {
      const problem = 'the model is missing'
      const answer =
        (failing: (call: number) => boolean) =>
        (span: Parameters<typeof hearConversation>[0], call: number) =>
          failing(call) ? { ...hearConversation(span), diarization: { problem } } : hearConversation(span)
      const none = await pipeline.startWorker(scriptedEngine({ ...spans, answer: answer(() => true) }))
      const without = await labelsOf(await pipeline.upload(none, recording, { speakers: 'true' }))
      expect(without.speakers).toBeNull()
      expect(without.text).toStartWith(WORDS[people[0] ?? 0]?.trim() ?? '')
      expect(without.warnings).toEqual([
        { code: 'speakers_missing', message: 'Speakers were not told apart: the model is missing.' },
      ])
      await pipeline.tidy()
      const some = await pipeline.startWorker(
        scriptedEngine({ ...spans, answer: answer((call) => call === 0) }),
      )
      const partly = await labelsOf(await pipeline.upload(some, recording, { speakers: 'true' }))
      expect(partly.speakers).toHaveLength(3)
      expect(partly.warnings[0]?.message).toMatch(
        /^Speakers were not told apart in \d\d of 340 seconds of the audio: the model is missing\.$/,
      )
    })
  })
}
