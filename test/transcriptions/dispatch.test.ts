import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, type Media, type PcmPiece } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { recoverJobs } from '../../src/transcriptions/pipeline/recover-jobs.ts'
import { pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import { databases } from '../support/databases.ts'
import { isFinished, openPipeline, type Pipeline, repeatedSpeech, textOf } from '../support/pipeline.ts'
import { stereoWav } from '../support/recordings.ts'
import { namingSamples, scriptedEngine } from '../support/scripted-engine.ts'

/** Three pieces of pcm, the last a short one. */
const speech = await repeatedSpeech(90)
const recording = wavOf(speech)
const short = speech.slice(0, 5 * BYTES_PER_SECOND)
const SAMPLES = speech.length / BYTES_PER_SAMPLE

const inMinutes = { targetSpanSeconds: 60, maxSpanSeconds: 120, concurrency: 2 }

for (const kind of databases) {
  describe(`spans of a recording that is still being decoded, on ${kind.name}`, () => {
    let pipeline: Pipeline
    beforeAll(async () => {
      pipeline = await openPipeline(kind)
    })
    afterEach(() => pipeline?.tidy())
    afterAll(() => pipeline?.close())

    /** The real decoder; it runs a callback after each piece and waits for it. */
    function decoding(
      after: (piece: number, signal?: AbortSignal) => Promise<void>,
      media: Media = pipeline.media,
    ): { media: Media } {
      return {
        media: {
          ...media,
          decode({ take, ...options }) {
            let pieces = 0
            const takeThen = async (piece: PcmPiece) => {
              await take(piece)
              await after(pieces++, options.signal)
            }
            return media.decode({ ...options, take: takeThen })
          },
        },
      }
    }

    async function expectWhole(id: string) {
      const row = await pipeline.once(id, isFinished)
      const done = await pipeline.spansOf(id)
      expect(row).toMatchObject({
        status: 'completed',
        totalSamples: SAMPLES,
        doneSamples: SAMPLES,
        text: textOf(speech, done),
      })
      const places = done.flatMap(({ startSample, endSample }) => [startSample, endSample])
      expect(places.slice(1, -1)).toEqual(places.slice(1, -1).toSorted((a, b) => a - b))
      expect([places[0], places.at(-1)]).toEqual([0, SAMPLES])
      return done
    }

    test('are transcribed before the rest is decoded', async () => {
      const heard = Promise.withResolvers<void>()
      const engine = scriptedEngine({
        ...inMinutes,
        answer({ pcm }, call) {
          if (call === 2) heard.resolve()
          return namingSamples(pcm)
        },
      })
      // Without the results of the first spans the decoder would wait for ever.
      const queue = await pipeline.startWorker(
        engine,
        decoding(() => heard.promise),
      )
      const id = await pipeline.upload(queue, recording)
      await heard.promise
      const done = await expectWhole(id)
      expect(engine.calls).toHaveLength(done.length)
      expect(done.every(({ attempt }) => attempt === 1)).toBe(true)
    })

    test('do not delay a short file while a worker decodes a long one', async () => {
      const release = Promise.withResolvers<void>()
      const taken = Promise.withResolvers<void>()
      const engine = scriptedEngine({
        ...inMinutes,
        concurrency: 1,
        async answer({ pcm }) {
          if (pcm.length > short.length) {
            taken.resolve()
            await release.promise
          }
          return namingSamples(pcm)
        },
      })
      const queue = await pipeline.startWorker(engine)
      const long = await pipeline.upload(queue, recording)
      await taken.promise
      const id = await pipeline.upload(queue, wavOf(short))
      expect(await pipeline.once(id, isFinished)).toMatchObject({ status: 'completed' })
      release.resolve()
      await expectWhole(long)
    })

    test('are resumed after a stop, and no finished span is repeated although spans are longer now', async () => {
      const decoded = Promise.withResolvers<void>()
      const media = decoding(async (_piece, signal) => {
        decoded.resolve()
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      })
      const before = scriptedEngine(inMinutes)
      const queue = await pipeline.startWorker(before, media)
      const id = await pipeline.upload(queue, recording)
      await decoded.promise
      await pipeline.once(id, (row) => row.doneSamples > 150 * 16_000)
      await queue.stop(0)
      const half = await pipeline.spansOf(id)
      expect(await pipeline.once(id, () => true)).toMatchObject({ totalSamples: null, failures: 0 })

      const written: string[] = []
      const { storage } = pipeline
      const watched: typeof storage = {
        ...storage,
        write(key, body) {
          written.push(key)
          return storage.write(key, body)
        },
      }
      const next = await pipeline.openQueue()
      await recoverJobs({ db: pipeline.db, queue: next })
      const after = scriptedEngine({ ...inMinutes, targetSpanSeconds: 90 })
      await pipeline.startWorker(after, { storage: watched })
      const done = await expectWhole(id)
      expect(done.slice(0, half.length).map(({ id }) => id)).toEqual(half.map(({ id }) => id))
      expect(before.calls.length + after.calls.length).toBe(done.length)
      expect(written).toEqual([1, 2].map((piece) => pcmKey({ id, piece })))
    })

    test('are written once although their job is delivered twice', async () => {
      const both = Promise.withResolvers<void>()
      let decodes = 0
      const untilBoth = async (piece: number) => {
        if (piece === 0 && ++decodes === 2) both.resolve()
        await both.promise
      }
      const engine = scriptedEngine(inMinutes)
      const queue = await pipeline.startWorker(engine, decoding(untilBoth))
      const id = await pipeline.upload(queue, recording)
      // Another process, because on two cores one process decodes one long recording of a user at a time.
      const otherMedia = ffmpegMedia({ concurrency: 1 })
      const prepare = createPrepare({
        ...pipeline.servicesOf({ queue, engine }),
        ...decoding(untilBoth, otherMedia),
      })
      await prepare({ transcriptionId: id }, new AbortController().signal)
      await otherMedia.close()
      const done = await expectWhole(id)
      expect(engine.calls).toHaveLength(done.length)
    })

    test('keep their segments if the rest turns out too long', async () => {
      const media = decoding(async () => {
        await pipeline.once(id, (row) => row.doneSamples > 150 * 16_000 || isFinished(row))
      })
      const queue = await pipeline.startWorker(scriptedEngine(inMinutes), { ...media, maxAudioSeconds: 400 })
      const id = await pipeline.upload(queue, recording)
      expect(await pipeline.once(id, isFinished)).toMatchObject({ status: 'failed', errorCode: 'too_long' })
      expect((await pipeline.segmentsOf(id)).at(-1)?.end).toBeGreaterThan(150)
    })

    test('of a time range or of each channel are complete too', async () => {
      const queue = await pipeline.startWorker(scriptedEngine(inMinutes))
      const part = await pipeline.upload(queue, recording, { start: '100', end: '350.5' })
      const apart = await pipeline.upload(queue, stereoWav(speech, speech), { channels: 'split' })
      const row = await pipeline.once(part, isFinished)
      expect(row).toMatchObject({ status: 'completed', totalSamples: SAMPLES, workSamples: 250.5 * 16_000 })
      const spans = await pipeline.spansOf(part)
      expect(row.text).toBe(textOf(speech, spans))
      expect(spans.at(-1)?.endSample).toBe(350.5 * 16_000)
      expect(await pipeline.once(apart, isFinished)).toMatchObject({
        status: 'completed',
        totalSamples: SAMPLES,
        workSamples: 2 * SAMPLES,
        doneSamples: 2 * SAMPLES,
      })
      const [left, right] = [0, 1].map(async (channel) =>
        (await pipeline.spansOf(apart)).filter((span) => span.channel === channel),
      )
      const placesOf = async (spans?: Promise<{ startSample: number; endSample: number }[]>) =>
        (await spans)?.map(({ startSample, endSample }) => [startSample, endSample])
      expect(await placesOf(left)).toEqual(await placesOf(right))
      const said = (await pipeline.segmentsOf(apart)).filter(({ channel }) => channel === 1)
      expect(joinTexts(said.map(({ text }) => text))).toBe(textOf(speech, (await right) ?? []))
      for (const id of [part, apart]) await pipeline.withoutPcm(id)
    })
  })
}
