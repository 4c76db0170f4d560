import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { and, eq } from 'drizzle-orm'
import { spans, transcriptions } from '../../src/db/schema.ts'
import { type Engine, type EngineName, EngineOverloaded, type SpanRequest } from '../../src/engines/engine.ts'
import { withFailover } from '../../src/engines/failover.ts'
import { VerbatimError } from '../../src/errors.ts'
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { signatureInspector } from '../../src/transcriptions/intake/inspect.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { recoverJobs } from '../../src/transcriptions/pipeline/recover-jobs.ts'
import { workOf } from '../../src/transcriptions/span-statistics.store.ts'
import { audioKey, folderOf, manifestKey, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import { cancelOwned, removeOwned, segmentsOf } from '../../src/transcriptions/transcriptions.store.ts'
import { keysBelow } from '../contracts/storage.ts'
import { databases } from '../support/databases.ts'
import { fixturePcm, silence } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline, repeatedSpeech, textOf } from '../support/pipeline.ts'
import { fixture, stereoWav } from '../support/recordings.ts'
import { insertAnyUser } from '../support/rows.ts'
import { namingSamples, scriptedEngine, segmentOf, untilAborted } from '../support/scripted-engine.ts'

const unavailable = () => new VerbatimError('engine_unavailable', 'The sidecar broke off')

const long = await repeatedSpeech(3)
const short = await fixturePcm('speech.wav')
const [longWav, shortWav] = [wavOf(long), wavOf(short)]

for (const kind of databases) {
  describe(`transcribing on ${kind.name}`, () => {
    let pipeline: Pipeline
    beforeAll(async () => {
      pipeline = await openPipeline(kind)
    })
    afterEach(() => pipeline?.tidy())
    afterAll(() => pipeline?.close())

    /** Expects a completed transcription with each part of `pcm` once and in order, and returns its spans. */
    async function expectWhole(id: string, pcm: Uint8Array) {
      const row = await pipeline.once(id, isFinished)
      expect(row).toMatchObject({ status: 'completed', errorCode: null, errorMessage: null })
      expect(row.totalSamples).toBe(pcm.length / BYTES_PER_SAMPLE)
      expect(row.doneSamples).toBe(pcm.length / BYTES_PER_SAMPLE)
      expect(row.completedAt).toBeInstanceOf(Date)
      const done = await pipeline.spansOf(id)
      expect(new Set(done.map(({ state }) => state))).toEqual(new Set(['done']))
      expect(row.text).toBe(textOf(pcm, done))
      const segments = await pipeline.segmentsOf(id)
      expect(segments).toHaveLength(done.length * 2)
      let end = 0
      for (const segment of segments) {
        expect(segment.start).toBeCloseTo(end, 2)
        end = segment.end
      }
      expect(end).toBeCloseTo(pcm.length / BYTES_PER_SAMPLE / SAMPLE_RATE, 2)
      return done
    }

    /** When this has finished, all earlier jobs have been delivered. */
    async function throughAnother(queue: Queue) {
      await expectWhole(await pipeline.upload(queue, shortWav), short)
    }

    test('the transcript of several spans is complete and in order', async () => {
      const engine = scriptedEngine()
      const queue = await pipeline.startWorker(engine)
      const id = await pipeline.upload(queue, longWav, {
        language: 'auto',
        task: 'translate',
        words: 'true',
        quality: 'best',
        prompt: 'A talk.',
        keywords: 'Ada,Grace',
        languages: 'de,fr',
      })
      const done = await expectWhole(id, long)
      expect(done.length).toBeGreaterThanOrEqual(4)
      for (const span of done) {
        expect(span).toMatchObject({ attempt: 1, failures: 0, engine: 'sidecar', model: 'scripted' })
        expect((span.endSample - span.startSample) / SAMPLE_RATE).toBeLessThanOrEqual(engine.maxSpanSeconds)
      }
      expect(engine.calls).toHaveLength(done.length)
      const hints = { prompt: 'A talk.', keywords: ['Ada', 'Grace'], languages: ['de', 'fr'] }
      for (const { pcm: _, signal: __, isHurried: ___, ...options } of engine.calls) {
        expect(options).toEqual({
          ...{ language: 'auto', isLanguageHint: false, task: 'translate', words: true, quality: 'best' },
          ...hints,
          model: null,
          share: expect.any(String),
          diarize: null,
        })
      }
      expect((await pipeline.once(id, isFinished)).detectedLanguage).toBe('en')
    })

    test('somebody may wait for the first text of a clip, but not of a longer recording', async () => {
      const engine = scriptedEngine()
      const queue = await pipeline.startWorker(engine)
      await expectWhole(await pipeline.upload(queue, shortWav), short)
      const longer = await repeatedSpeech(6)
      await expectWhole(await pipeline.upload(queue, wavOf(longer)), longer)
      const hurried = engine.calls.filter(({ isHurried }) => isHurried)
      expect(hurried.reduce((sum, { pcm }) => sum + pcm.length, 0)).toBe(short.length)
    })

    test('the text and the segments have the replacements, with their words', async () => {
      const words = [' cube', ' flow.'].map((word, at) => ({ word, start: at, end: at + 1, probability: 1 }))
      const heard = segmentOf({ text: ' cube flow.', end: 2, words })
      const answer = () => ({ model: 'scripted', segments: [heard], detected: null })
      const queue = await pipeline.startWorker(scriptedEngine({ answer }))
      const fields = { words: 'true', replace: 'Cube Flow:Kubeflow' }
      const row = await pipeline.once(await pipeline.upload(queue, wavOf(silence(2)), fields), isFinished)
      expect(row.text).toBe('Kubeflow.')
      expect(await segmentsOf(pipeline.db, row)).toMatchObject([
        { text: ' Kubeflow.', words: [{ word: ' Kubeflow.', start: 0, end: 2 }] },
      ])
    })

    test('a completed transcription keeps its audio but not its pcm', async () => {
      const queue = await pipeline.startWorker(scriptedEngine())
      const id = await pipeline.upload(queue, longWav)
      await expectWhole(id, long)
      await pipeline.withoutPcm(id)
      expect(await pipeline.storage.size(audioKey(id))).toBe(longWav.length)
    })

    test('a failure to remove pcm is logged, and the transcription completes', async () => {
      const told: string[] = []
      const storage = {
        ...pipeline.storage,
        remove: () => Promise.reject(new Error('the bucket takes no orders')),
      }
      const queue = await pipeline.startWorker(scriptedEngine(), { storage, log: (line) => told.push(line) })
      const id = await pipeline.upload(queue, longWav)
      await expectWhole(id, long)
      while (told.length === 0) await Bun.sleep(10)
      expect(told).toEqual([`cannot remove the pcm of ${id}`])
    })

    test('a time range is transcribed with its times in the whole audio', async () => {
      const queue = await pipeline.startWorker(scriptedEngine())
      const id = await pipeline.upload(queue, longWav, { start: '3.5', end: '9' })
      const row = await pipeline.once(id, isFinished)
      const samples = long.length / BYTES_PER_SAMPLE
      expect(row).toMatchObject({
        status: 'completed',
        totalSamples: samples,
        workSamples: 5.5 * SAMPLE_RATE,
      })
      const done = await pipeline.spansOf(id)
      expect(done[0]?.startSample).toBe(3.5 * SAMPLE_RATE)
      expect(done.at(-1)?.endSample).toBe(9 * SAMPLE_RATE)
      expect(row.text).toBe(textOf(long, done))
      const segments = await pipeline.segmentsOf(id)
      expect(segments[0]?.start).toBe(3.5)
      expect(segments.at(-1)?.end).toBeCloseTo(9, 2)
    })

    test('an end beyond the audio is cut; a start beyond it fails with the reason', async () => {
      const queue = await pipeline.startWorker(scriptedEngine())
      const open = await pipeline.upload(queue, shortWav, { start: '2', end: '9999' })
      expect((await pipeline.once(open, isFinished)).workSamples).toBe(
        short.length / BYTES_PER_SAMPLE - 2 * SAMPLE_RATE,
      )
      const outside = await pipeline.upload(queue, shortWav, { start: '9999' })
      expect(await pipeline.once(outside, isFinished)).toMatchObject({
        status: 'failed',
        errorCode: 'part_outside',
        errorMessage: expect.stringMatching(
          /^start is 9999 s, but the audio ends at [\d.]+ s: send an earlier start$/,
        ),
      })
    })

    test('an upload through an API without a decoder is probed before it is decoded', async () => {
      const inspect = signatureInspector(pipeline)
      const queue = await pipeline.openQueue()
      const both = stereoWav(short, short)
      const id = await pipeline.upload(queue, both, { channels: 'split' }, { inspect })
      expect(await pipeline.once(id, () => true)).toMatchObject({ codec: null, contentType: 'audio/wav' })
      const silent = await pipeline.upload(
        queue,
        await Bun.file(fixture('silent.mp4')).bytes(),
        {},
        { inspect },
      )
      await pipeline.startWorker(scriptedEngine())
      const samples = short.length / BYTES_PER_SAMPLE
      expect(await pipeline.once(id, isFinished)).toMatchObject({
        ...{ status: 'completed', codec: 'pcm_s16le', audioChannels: 2 },
        ...{ totalSamples: samples, workSamples: 2 * samples },
      })
      expect(await pipeline.once(silent, isFinished)).toMatchObject({
        ...{ status: 'failed', errorCode: 'no_audio_track' },
      })
    })

    test('separate channels are each complete in the text, and their segments are sorted by time', async () => {
      const queue = await pipeline.startWorker(scriptedEngine())
      const left = long.subarray(0, 2 * short.length)
      const right = long.subarray(short.length, 3 * short.length)
      const id = await pipeline.upload(queue, stereoWav(left, right), { channels: 'split' })
      const row = await pipeline.once(id, isFinished)
      const samples = left.length / BYTES_PER_SAMPLE
      expect(row).toMatchObject({
        status: 'completed',
        audioChannels: 2,
        totalSamples: samples,
        workSamples: 2 * samples,
        doneSamples: 2 * samples,
      })
      const done = await pipeline.spansOf(id)
      const segments = await pipeline.segmentsOf(id)
      expect(segments.map(({ start }) => start)).toEqual(
        segments.map(({ start }) => start).toSorted((a, b) => a - b),
      )
      const texts = [left, right].map((pcm, channel) =>
        textOf(
          pcm,
          done.filter((span) => span.channel === channel),
        ),
      )
      for (const [channel, text] of texts.entries()) {
        const said = segments.filter((one) => one.channel === channel).map(({ text }) => text)
        expect(joinTexts(said)).toBe(text)
      }
      // The texts of the engine end no sentence, so that no channel is interrupted.
      expect(row.text).toBe(texts.join('\n'))
    })

    for (const [how, end] of [
      ['canceled', (id: string, userId: string) => cancelOwned(pipeline.db, { id, userId })],
      ['removed', (id: string, userId: string) => removeOwned(pipeline.db, { id, userId })],
    ] as const) {
      test(`a transcription that is ${how} stops its engine request, and sends no other`, async () => {
        const sent = Promise.withResolvers<void>()
        let reason: unknown
        const engine = scriptedEngine({
          async answer(span, call) {
            if (call > 0) return namingSamples(span.pcm)
            sent.resolve()
            return untilAborted(span).catch((error: unknown) => {
              reason = error
              throw error
            })
          },
        })
        const queue = await pipeline.startWorker(engine)
        const id = await pipeline.upload(queue, longWav)
        await sent.promise
        expect(await end(id, pipeline.userId)).toBe(true)
        // The engine's only slot is free again.
        const next = await pipeline.upload(queue, shortWav)
        const done = await expectWhole(next, short)
        expect(reason).toEqual(new Error('the transcription has finished or was removed'))
        expect(engine.calls).toHaveLength(1 + done.length)
        const left = await pipeline.spansOf(id)
        expect(left.every(({ state, failures }) => state === 'queued' && failures === 0)).toBe(true)
        expect(left.length > 0).toBe(how === 'canceled')
      })
    }

    test('a canceled transcription is decoded no further', async () => {
      const queue = await pipeline.openQueue()
      const id = await pipeline.upload(queue, shortWav)
      const services = pipeline.servicesOf({ queue, engine: scriptedEngine() })
      let reason: unknown
      const prepare = createPrepare({
        ...services,
        media: {
          ...services.media,
          async decode({ signal }) {
            await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
            if (!signal) throw new Error('no signal')
            reason = await untilAborted({ signal }).catch((reason) => reason)
            throw reason
          },
        },
      })
      await prepare({ transcriptionId: id }, new AbortController().signal)
      expect(reason).toEqual(new Error('the transcription has finished or was removed'))
      expect(await pipeline.once(id, () => true)).toMatchObject({ status: 'canceled', failures: 0 })
    })

    test('a transcription that is removed during prepare leaves no file', async () => {
      const engine = scriptedEngine()
      const queue = await pipeline.openQueue()
      const id = await pipeline.upload(queue, shortWav)
      const services = pipeline.servicesOf({ queue, engine })
      const prepare = createPrepare({
        ...services,
        media: {
          ...services.media,
          async decode(options) {
            const warnings = await services.media.decode(options)
            await pipeline.db.delete(transcriptions).where(eq(transcriptions.id, id))
            return warnings
          },
        },
      })
      await prepare({ transcriptionId: id }, new AbortController().signal)
      expect(await pipeline.storage.size(pcmKey({ id }))).toBeNull()
      expect(await pipeline.storage.size(audioKey(id))).toBeNull()
    })

    test('a user with many files does not delay another user', async () => {
      const first = Promise.withResolvers<void>()
      const all = Promise.withResolvers<void>()
      const engine = scriptedEngine({
        targetSpanSeconds: 30,
        maxSpanSeconds: 60,
        async answer({ pcm }) {
          first.resolve()
          await all.promise
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const many = [await pipeline.upload(queue, shortWav)]
      await first.promise
      for (let count = 1; count < 4; count++) many.push(await pipeline.upload(queue, shortWav))
      const other = await insertAnyUser(pipeline.db)
      const one = await pipeline.upload(queue, shortWav, {}, { by: other })
      const prepared = (id: string) => pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
      for (const id of [...many, one]) await prepared(id)
      all.resolve()
      const ended: { id: string; at: Date | null }[] = []
      for (const id of [...many, one]) {
        ended.push({ id, at: (await pipeline.once(id, isFinished)).completedAt })
      }
      const order = ended.toSorted((a, b) => Number(a.at) - Number(b.at)).map(({ id }) => id)
      // The first file was in progress when the second arrived.
      expect(order.slice(0, 2)).toContain(one)
    })

    describe('with two engines', () => {
      const named = (name: EngineName, engine: Engine): Engine => ({ ...engine, name })
      const shorter = { targetSpanSeconds: 2, maxSpanSeconds: 3 }

      test('the preferred engine transcribes; if it fails midway, the other continues with spans of its own length', async () => {
        let well = true
        const sidecar = scriptedEngine({
          answer({ pcm }, call) {
            if (call === 1) well = false
            if (!well) throw unavailable()
            return namingSamples(pcm)
          },
        })
        const hosted = named('huggingface', scriptedEngine({ ...shorter, concurrency: 1 }))
        const engines = withFailover([{ ...sidecar, state: () => ({ ready: well, detail: '' }) }, hosted])
        const queue = await pipeline.startWorker(engines)
        const done = await expectWhole(await pipeline.upload(queue, longWav), long)
        expect(done[0]).toMatchObject({ engine: 'sidecar' })
        for (const span of done.slice(1)) {
          expect(span).toMatchObject({ engine: 'huggingface', failures: 0 })
          expect((span.endSample - span.startSample) / SAMPLE_RATE).toBeLessThanOrEqual(3)
        }
      })

      test('a transcription that is limited to one engine waits for it and never goes to the other', async () => {
        let well = false
        const heard: EngineName[] = []
        const answering = (name: EngineName) =>
          named(
            name,
            scriptedEngine({
              answer({ pcm }) {
                heard.push(name)
                return namingSamples(pcm)
              },
            }),
          )
        const sidecar = { ...answering('sidecar'), state: () => ({ ready: well, detail: '' }) }
        const queue = await pipeline.startWorker(withFailover([sidecar, answering('huggingface')]))
        const narrow = await pipeline.upload(queue, shortWav, { engine: 'sidecar' })
        await expectWhole(await pipeline.upload(queue, shortWav), short)
        expect(await pipeline.once(narrow, () => true)).toMatchObject({ doneSamples: 0 })
        const elsewhere = heard.length
        well = true
        await expectWhole(narrow, short)
        expect(heard.slice(elsewhere).every((name) => name === 'sidecar')).toBe(true)
        expect(await workOf(pipeline.db, narrow)).toEqual([
          { engine: 'sidecar', model: 'scripted', seconds: short.length / BYTES_PER_SAMPLE / SAMPLE_RATE },
        ])
      })
    })

    test('the transcription of silence has no text', async () => {
      const queue = await pipeline.startWorker(
        scriptedEngine({ answer: () => ({ segments: [], model: 'scripted', detected: null }) }),
      )
      const row = await pipeline.once(await pipeline.upload(queue, longWav), isFinished)
      expect(row).toMatchObject({ status: 'completed', text: '', detectedLanguage: null })
    })

    /** Spans are longer than the short recording. */
    const oneSpan = { targetSpanSeconds: 30, maxSpanSeconds: 30 }

    test('the engine gets the default language as a hint, and a requested one as an order', async () => {
      const engine = scriptedEngine(oneSpan)
      const queue = await pipeline.startWorker(engine)
      for (const fields of [{}, { language: 'English' }]) {
        await pipeline.once(await pipeline.upload(queue, shortWav, fields), isFinished)
      }
      expect(engine.calls.map(({ language, isLanguageHint }) => [language, isLanguageHint])).toEqual([
        ['en', true],
        ['en', false],
      ])
    })

    const TRADITIONAL = ['皇', '后發', '現頭', '髮乾', '燥，', '他看著', '。']
    const SIMPLIFIED = ['显', '著的变', '化，', '着火了。']

    test.each<{ language: string; written: string[][] }>([
      { language: 'zh', written: [TRADITIONAL, SIMPLIFIED] },
      { language: 'zh-CN', written: [['皇', '后发', '现头', '发干', '燥，', '他看着', '。'], SIMPLIFIED] },
      { language: 'zh-TW', written: [TRADITIONAL, ['顯', '著的變', '化，', '著火了。']] },
    ])('texts and words requested in $language have its script', async ({ language, written }) => {
      const segments = [TRADITIONAL, SIMPLIFIED].map((words) =>
        segmentOf({
          text: words.join(''),
          words: words.map((word) => ({ word, start: 0, end: 1, probability: 1 })),
        }),
      )
      const engine = scriptedEngine({
        ...oneSpan,
        answer: () => ({ segments, model: 'scripted', detected: null }),
      })
      const queue = await pipeline.startWorker(engine)
      const id = await pipeline.upload(queue, shortWav, { language, words: 'true' })
      expect((await pipeline.once(id, isFinished)).text).toBe(written.flat().join(''))
      const stored = await pipeline.segmentsOf(id)
      expect(stored.map(({ text }) => text)).toEqual(written.map((words) => words.join('')))
      expect(stored.map(({ words }) => words?.map(({ word }) => word))).toEqual(written)
    })

    test('a span is sent again after an engine failure or a defect', async () => {
      const engine = scriptedEngine({
        answer({ pcm }, call) {
          if (call === 0) throw unavailable()
          if (call === 1) throw new TypeError('a defect')
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const done = await expectWhole(await pipeline.upload(queue, longWav), long)
      expect(done.slice(0, 2)).toMatchObject([
        { attempt: 2, failures: 1 },
        { attempt: 2, failures: 1 },
      ])
      for (const span of done.slice(2)) expect(span).toMatchObject({ attempt: 1, failures: 0 })
    })

    test('an overloaded engine is not asked until its Retry-After, and no failure is counted', async () => {
      let told = 0
      let waited = 0
      const engine = scriptedEngine({
        answer({ pcm }, call) {
          if (call === 0) {
            told = Date.now()
            throw new EngineOverloaded('The sidecar has too much to do', { retryAfterSeconds: 1 })
          }
          waited = Date.now() - told
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const done = await expectWhole(await pipeline.upload(queue, shortWav), short)
      expect(done[0]).toMatchObject({ attempt: 2, failures: 0 })
      expect(waited).toBeGreaterThanOrEqual(1_000)
    })

    test('a rejection by the engine fails the transcription with its message; finished spans are kept', async () => {
      const sentence = 'The sidecar rejected the audio: no speech model for tlh'
      const engine = scriptedEngine({
        answer({ pcm }, call) {
          if (call === 2) throw new VerbatimError('engine_rejected', sentence)
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const id = await pipeline.upload(queue, longWav)
      const row = await pipeline.once(id, isFinished)
      expect(row).toMatchObject({ status: 'failed', errorCode: 'engine_rejected', errorMessage: sentence })
      await throughAnother(queue)
      const left = await pipeline.spansOf(id)
      expect(left.map(({ state }) => state)).toEqual([
        'done',
        'done',
        'failed',
        ...left.slice(3).map(() => 'queued' as const),
      ])
      expect(await pipeline.segmentsOf(id)).toHaveLength(4)
      expect(engine.calls.filter((_, call) => call >= 3)).toHaveLength(2)
      expect(await pipeline.once(id, isFinished)).toEqual(row)
    })

    test('a lasting engine failure or defect fails the transcription after eight attempts', async () => {
      const seen = new Set<number>()
      const engine = scriptedEngine({
        ...{ targetSpanSeconds: 30, maxSpanSeconds: 30 },
        async answer({ pcm }) {
          const samples = pcm.length / BYTES_PER_SAMPLE
          // Six more failures, whose delays would take a minute.
          if (!seen.has(samples)) {
            await pipeline.db
              .update(spans)
              .set({ failures: 6 })
              .where(and(eq(spans.state, 'running'), eq(spans.endSample, samples)))
          }
          seen.add(samples)
          throw pcm.length === short.length ? unavailable() : new TypeError('undefined is not a function')
        },
      })
      const queue = await pipeline.startWorker(engine)
      const away = await pipeline.upload(queue, shortWav)
      const defect = await pipeline.upload(queue, longWav)
      expect(await pipeline.once(away, isFinished)).toMatchObject({
        status: 'failed',
        errorCode: 'engine_unavailable',
        errorMessage: 'The sidecar broke off',
      })
      expect(await pipeline.once(defect, isFinished)).toMatchObject({
        status: 'failed',
        errorCode: 'internal',
        errorMessage: 'A part of the audio could not be transcribed after several attempts',
      })
      for (const id of [away, defect]) {
        expect(await pipeline.spansOf(id)).toMatchObject([{ state: 'failed', attempt: 2, failures: 8 }])
      }
    })

    test('a span that is too long for its engine is replaced by shorter ones', async () => {
      const queue = await pipeline.openQueue()
      const planner = scriptedEngine({ targetSpanSeconds: 120, maxSpanSeconds: 300 })
      const id = await pipeline.upload(queue, longWav)
      await createPrepare(pipeline.servicesOf({ queue, engine: planner }))(
        { transcriptionId: id },
        AbortSignal.timeout(20_000),
      )
      const [planned, ...none] = await pipeline.spansOf(id)
      expect(none).toEqual([])
      const engine = scriptedEngine()
      await pipeline.startWorker(engine)
      const done = await expectWhole(id, long)
      expect(done.length).toBeGreaterThanOrEqual(4)
      expect(done.map((span) => span.id)).not.toContain(planned?.id ?? '')
      expect(planner.calls).toHaveLength(0)
      for (const { pcm } of engine.calls) {
        expect(pcm.length / BYTES_PER_SAMPLE / SAMPLE_RATE).toBeLessThanOrEqual(engine.maxSpanSeconds)
      }
    })

    test('jobs that are delivered twice change nothing', async () => {
      const entered = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const engine = scriptedEngine({
        ...{ concurrency: 2, targetSpanSeconds: 30, maxSpanSeconds: 30 },
        async answer({ pcm }, call) {
          entered[call]?.resolve()
          await gates[call]?.promise
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const id = await pipeline.upload(queue, longWav)
      const again = async () => {
        const [span] = await pipeline.spansOf(id)
        await pipeline.db.transaction(async (tx) => {
          await queue.enqueue(tx, 'prepare', [{ data: { transcriptionId: id } }])
          await queue.enqueue(tx, 'span', [{ data: { spanId: span?.id ?? '' } }])
        })
      }
      await entered[0]?.promise
      await again()
      await entered[1]?.promise
      gates[0]?.resolve()
      // One of the two slots is busy: when another job has passed through the other slot, the first attempt has ended.
      await throughAnother(queue)
      expect(await pipeline.once(id, () => true)).toMatchObject({ status: 'processing', doneSamples: 0 })
      expect(await pipeline.segmentsOf(id)).toEqual([])
      gates[1]?.resolve()
      expect(await expectWhole(id, long)).toMatchObject([{ attempt: 2, failures: 0 }])

      const before = await pipeline.once(id, isFinished)
      await again()
      await throughAnother(queue)
      expect(engine.calls).toHaveLength(4)
      expect(await pipeline.once(id, isFinished)).toEqual(before)
      expect(await expectWhole(id, long)).toMatchObject([{ attempt: 2, failures: 0 }])
    })

    test('spans that finish at the same moment complete their transcription', async () => {
      const waiting: (() => void)[] = []
      const engine = scriptedEngine({
        concurrency: 4,
        async answer({ pcm }) {
          await new Promise<void>((resolve) => {
            waiting.push(resolve)
            if (waiting.length === 4) for (const go of waiting.splice(0)) go()
          })
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.openQueue()
      const ids = await Promise.all([1, 2, 3, 4].map(() => pipeline.upload(queue, longWav)))
      const prepare = createPrepare(pipeline.servicesOf({ queue, engine }))
      for (const id of ids) await prepare({ transcriptionId: id }, AbortSignal.timeout(20_000))
      await pipeline.startWorker(engine)
      for (const id of ids) await expectWhole(id, long)
    })

    test('damaged audio fails with the reason, and the original is kept', async () => {
      const damaged = (await Bun.file(fixture('speech.flac')).bytes()).fill(0, 4_000)
      const engine = scriptedEngine()
      const queue = await pipeline.startWorker(engine)
      const id = await pipeline.upload(queue, damaged)
      const row = await pipeline.once(id, isFinished)
      expect(row).toMatchObject({ status: 'failed', errorCode: 'corrupt', failures: 0, totalSamples: null })
      expect(row.errorMessage).toContain('damaged')
      expect(await keysBelow(pipeline.storage, folderOf(id))).toEqual([audioKey(id), manifestKey(id)])
      expect(engine.calls).toHaveLength(0)
    })

    test('missing audio fails the transcription after several attempts', async () => {
      const queue = await pipeline.openQueue()
      const prepare = createPrepare(pipeline.servicesOf({ queue, engine: scriptedEngine() }))
      const id = await pipeline.upload(queue, shortWav)
      await pipeline.storage.remove(audioKey(id))
      const work = () => prepare({ transcriptionId: id }, AbortSignal.timeout(20_000))
      for (const failures of [1, 2, 3, 4]) {
        expect(await work().catch((error: unknown) => error)).toMatchObject({ code: 'not_found' })
        expect(await pipeline.once(id, () => true)).toMatchObject({ status: 'processing', failures })
      }
      await work()
      expect(await pipeline.once(id, isFinished)).toMatchObject({
        ...{ status: 'failed', errorCode: 'audio_missing' },
      })
    })

    test('a restart after a stop resumes, and repeats no finished span', async () => {
      const third = Promise.withResolvers<void>()
      const before = scriptedEngine({
        answer(span: SpanRequest, call: number) {
          if (call < 2) return namingSamples(span.pcm)
          third.resolve()
          return untilAborted(span)
        },
      })
      const stopped = await pipeline.startWorker(before)
      const id = await pipeline.upload(stopped, longWav)
      await third.promise
      await stopped.stop(0)
      const half = await pipeline.once(id, () => true)
      expect(half).toMatchObject({ status: 'processing', text: null })
      expect(half.doneSamples).toBeGreaterThan(0)
      const unfinished = (await pipeline.spansOf(id)).filter(({ state }) => state !== 'done')
      expect(unfinished[0]).toMatchObject({ attempt: 1, failures: 0 })

      const after: Engine & { calls: SpanRequest[] } = scriptedEngine()
      const queue = await pipeline.openQueue()
      expect(await recoverJobs({ db: pipeline.db, queue })).toBe(unfinished.length)
      await pipeline.startWorker(after)
      const done = await expectWhole(id, long)
      expect(done.map(({ attempt }) => attempt)).toEqual([1, 1, 2, ...done.slice(3).map(() => 1)])
      expect(after.calls).toHaveLength(unfinished.length)
    })

    test('a misconfigured engine is waited for, and no failure is counted', async () => {
      const engine = scriptedEngine({
        answer({ pcm }, call) {
          if (call < 2) throw new VerbatimError('engine_misconfigured', 'There is no credit left')
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const done = await expectWhole(await pipeline.upload(queue, shortWav), short)
      expect(done.reduce((sum, { attempt }) => sum + attempt, 0)).toBe(done.length + 2)
      expect(done.every(({ failures }) => failures === 0)).toBe(true)
    })

    test('a span waits without a failure while no engine is available', async () => {
      const engines = withFailover([scriptedEngine()])
      let asked = 0
      const queue = await pipeline.startWorker({
        ...engines,
        available: async (request) => (asked++ === 0 ? [] : engines.available(request)),
      })
      const [span] = await expectWhole(await pipeline.upload(queue, shortWav), short)
      expect(span).toMatchObject({ attempt: 2, failures: 0 })
    })

    test('a stop during decoding loses nothing', async () => {
      const queue = await pipeline.openQueue()
      // Ten minutes: a warm decoder is done with less before it can be stopped.
      const recording = await repeatedSpeech(90)
      const id = await pipeline.upload(queue, wavOf(recording))
      const stopping = new AbortController()
      const work = createPrepare(pipeline.servicesOf({ queue, engine: scriptedEngine() }))(
        { transcriptionId: id },
        stopping.signal,
      )
      const reason = new Error('the service is stopping')
      await pipeline.once(id, ({ status }) => status === 'processing')
      stopping.abort(reason)
      expect(await work.catch((error: unknown) => error)).toBe(reason)
      expect(await pipeline.once(id, () => true)).toMatchObject({ failures: 0, totalSamples: null })
      expect(await pipeline.storage.size(pcmKey({ id }))).toBeNull()
      expect(await recoverJobs({ db: pipeline.db, queue })).toBe(1)
      await pipeline.startWorker(scriptedEngine())
      await expectWhole(id, recording)
    })
  })
}
