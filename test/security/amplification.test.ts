import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { usage } from '../../src/db/schema.ts'
import { VerbatimError } from '../../src/errors.ts'
import { SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { Postponed } from '../../src/queue/queue.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { signatureInspector } from '../../src/transcriptions/intake/inspect.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { createRequeue } from '../../src/transcriptions/pipeline/requeue.ts'
import type { WorkServices } from '../../src/transcriptions/pipeline/work-services.ts'
import { audioKey, pcmFolder } from '../../src/transcriptions/storage-keys.ts'
import { createTranscriptionsService } from '../../src/transcriptions/transcriptions.service.ts'
import { keysBelow } from '../contracts/storage.ts'
import { databases } from '../support/databases.ts'
import { fixturePcm } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline, repeatedSpeech, textOf } from '../support/pipeline.ts'
import { insertAnyUser } from '../support/rows.ts'
import { namingSamples, scriptedEngine, untilAborted } from '../support/scripted-engine.ts'
import { silentFlac, silentSeconds } from './silent-flac.ts'

const HOUR = 3600
/** Seconds; five pcm pieces. */
const LONG = 1490
const PIECE_SECONDS = SAMPLES_PER_PIECE / SAMPLE_RATE
const AHEAD_SECONDS = 2 * PIECE_SECONDS
/** Besides the pieces that wait: one being transcribed, one being planned, and one being decoded. */
const SLACK_PIECES = 3

/** Three pcm pieces, the last one short. */
const speech = await repeatedSpeech(90)
const short = await fixturePcm('speech.wav')
const inMinutes = { targetSpanSeconds: 60, maxSpanSeconds: 120 }

describe.each(databases)('storage and daily limit of a long recording on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  const piecesOf = (id: string) => keysBelow(pipeline.storage, pcmFolder(id))
  const cancel = (id: string, userId = pipeline.userId) => serviceOf().cancel({ id, userId })

  function serviceOf() {
    return createTranscriptionsService({
      db: pipeline.db,
      changes: { listen: () => () => {}, listenForEnd: () => () => {} },
      storage: pipeline.storage,
      removeFolder: pipeline.storage.remove,
      links: { sign: () => '', verify: () => false },
      publicUrl: () => 'http://localhost',
      concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
      log: () => {},
    })
  }

  async function usedBy(userId: string): Promise<number> {
    const rows = await pipeline.db.select().from(usage).where(eq(usage.userId, userId))
    return rows.reduce((sum, { audioSeconds }) => sum + audioSeconds, 0)
  }

  /** An engine whose results wait for `answer()`. */
  function waitingEngine() {
    const { promise, resolve } = Promise.withResolvers<void>()
    const engine = scriptedEngine({
      ...{ ...inMinutes, concurrency: 4 },
      answer: async (span) => {
        await Promise.race([promise, untilAborted(span)])
        return namingSamples(span.pcm)
      },
    })
    return { engine, answer: resolve }
  }

  /** The storage, and the maximum number of pcm pieces in it at a time. */
  function watchedStorage() {
    const pieces = new Set<string>()
    const most = { pieces: 0 }
    const { storage } = pipeline
    const watched: Storage = {
      ...storage,
      async write(key, body, options) {
        const written = await storage.write(key, body, options)
        if (key.includes('/pcm/')) most.pieces = Math.max(most.pieces, pieces.add(key).size)
        return written
      },
      async remove(prefix) {
        await storage.remove(prefix)
        for (const key of pieces) if (key.startsWith(prefix)) pieces.delete(key)
      },
    }
    return { storage: watched, most }
  }

  const limited = (seconds: number): Partial<WorkServices> => ({
    audioSecondsPerDay: seconds,
  })

  test('decoding of 24 hours in 80 KB stops at the limit ahead of the engines, and a cancellation removes the pcm', async () => {
    const { engine } = waitingEngine()
    const queue = await pipeline.startWorker(engine, { decodeAheadSeconds: AHEAD_SECONDS })
    const day = silentFlac({ seconds: 24 * HOUR })
    expect(day.length).toBeLessThan(100_000)
    const id = await pipeline.upload(queue, day, {}, { maxAudioSeconds: 25 * HOUR })
    await pipeline.once(id, (row) => row.decodedSamples >= AHEAD_SECONDS * SAMPLE_RATE)
    // Time for several more checks.
    await Bun.sleep(5_000)
    expect((await piecesOf(id)).length).toBeLessThanOrEqual(AHEAD_SECONDS / PIECE_SECONDS + SLACK_PIECES)
    await cancel(id)
    await pipeline.withoutPcm(id)
    await queue.stop(10_000)
    expect(await piecesOf(id)).toEqual([])
    expect(await pipeline.storage.size(audioKey(id))).toBe(day.length)
  })

  test('decoding of a long recording follows the engines, its pcm is removed piece by piece, and it is completed', async () => {
    const { storage, most } = watchedStorage()
    const engine = scriptedEngine({ ...inMinutes, concurrency: 2 })
    const queue = await pipeline.startWorker(engine, { decodeAheadSeconds: AHEAD_SECONDS, storage })
    const id = await pipeline.upload(queue, silentFlac({ seconds: 2 * LONG }))
    const row = await pipeline.once(id, isFinished)
    const samples = silentSeconds(2 * LONG) * SAMPLE_RATE
    expect(row).toMatchObject({
      status: 'completed',
      totalSamples: samples,
      doneSamples: samples,
      decodedSamples: samples,
    })
    const spans = await pipeline.spansOf(id)
    expect(engine.calls).toHaveLength(spans.length)
    expect(spans.every(({ attempt }) => attempt === 1)).toBe(true)
    expect(most.pieces).toBeLessThanOrEqual(AHEAD_SECONDS / PIECE_SECONDS + SLACK_PIECES)
    await pipeline.withoutPcm(id)
  })

  test('all recordings of a user share one decode-ahead limit, and all are completed', async () => {
    const { storage, most } = watchedStorage()
    const { engine, answer } = waitingEngine()
    const queue = await pipeline.startWorker(engine, { decodeAheadSeconds: AHEAD_SECONDS, storage })
    const ids: string[] = []
    for (let count = 0; count < 12; count++) {
      ids.push(await pipeline.upload(queue, silentFlac({ seconds: 250 })))
    }
    const prepared = async () => {
      const rows = await Promise.all(ids.map((id) => pipeline.once(id, () => true)))
      return rows.filter(({ totalSamples }) => totalSamples !== null).length
    }
    while ((await prepared()) < 3) await Bun.sleep(50)
    await Bun.sleep(3_000)
    // Two slots decode one recording each before they check the limit.
    expect(await prepared()).toBeLessThanOrEqual(5)
    answer()
    for (const id of ids) expect((await pipeline.once(id, isFinished)).status).toBe('completed')
    expect(most.pieces).toBeLessThan(ids.length)
  })

  test('a cancellation removes the pcm of a decoded recording that waits for engines', async () => {
    const { engine } = waitingEngine()
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, wavOf(short))
    await pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
    expect(await piecesOf(id)).toHaveLength(1)
    await cancel(id)
    expect(await piecesOf(id)).toEqual([])
    expect(await pipeline.storage.size(audioKey(id))).toBe(wavOf(short).length)
  })

  test('only the requested time range of a long recording is stored as pcm', async () => {
    const { storage, most } = watchedStorage()
    const queue = await pipeline.startWorker(scriptedEngine(inMinutes), { storage })
    const id = await pipeline.upload(queue, silentFlac({ seconds: LONG }), { start: '1400', end: '1450' })
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ status: 'completed', workSamples: 50 * SAMPLE_RATE })
    expect(most.pieces).toBe(1)
  })

  test('a requeued transcription is decoded again, and only its unfinished spans are transcribed', async () => {
    let isCured = false
    const engine = scriptedEngine({
      ...inMinutes,
      answer({ pcm }, call) {
        if (call > 1 && !isCured) throw new VerbatimError('engine_rejected', 'No more of this')
        return namingSamples(pcm)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, wavOf(speech))
    expect((await pipeline.once(id, isFinished)).status).toBe('failed')
    await pipeline.withoutPcm(id)
    isCured = true
    const before = engine.calls.length
    const failed = await pipeline.spansOf(id)
    await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)
    const row = await pipeline.once(id, isFinished)
    const spans = await pipeline.spansOf(id)
    expect(row).toMatchObject({ status: 'completed', text: textOf(speech, spans) })
    expect(engine.calls.length - before).toBe(spans.length - 2)
    expect(spans.slice(0, failed.length).map((span) => span.id)).toEqual(failed.map((span) => span.id))
    await pipeline.withoutPcm(id)
  })

  test('lost pcm is decoded again without a failure of its spans', async () => {
    const { engine, answer } = waitingEngine()
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, wavOf(speech))
    await pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
    await pipeline.storage.remove(pcmFolder(id))
    answer()
    const row = await pipeline.once(id, isFinished)
    const spans = await pipeline.spansOf(id)
    expect(row).toMatchObject({ status: 'completed', text: textOf(speech, spans) })
    expect(spans.every(({ failures }) => failures === 0)).toBe(true)
    await pipeline.withoutPcm(id)
  })

  test('decoded audio stays counted after a cancellation and a deletion', async () => {
    const userId = await insertAnyUser(pipeline.db)
    const { engine } = waitingEngine()
    const queue = await pipeline.startWorker(engine, { decodeAheadSeconds: AHEAD_SECONDS })
    const id = await pipeline.upload(
      queue,
      silentFlac({ seconds: LONG, claimedSeconds: null }),
      {},
      { by: userId },
    )
    await pipeline.once(id, (row) => row.decodedSamples >= AHEAD_SECONDS * SAMPLE_RATE)
    expect(await usedBy(userId)).toBeGreaterThanOrEqual(AHEAD_SECONDS)
    await cancel(id, userId)
    expect(await usedBy(userId)).toBeGreaterThanOrEqual(AHEAD_SECONDS)
    await queue.stop(10_000)
    const used = await usedBy(userId)
    await serviceOf().remove({ id, userId })
    expect(await usedBy(userId)).toBe(used)
    expect(used).toBeLessThan(LONG)
  })

  test.each([
    ['claims to be three seconds long', 3],
    ['claims no length', null],
  ])('a long recording that %s fails at the daily limit', async (_, claimedSeconds) => {
    const userId = await insertAnyUser(pipeline.db)
    const engine = scriptedEngine(inMinutes)
    const queue = await pipeline.startWorker(engine, limited(2 * PIECE_SECONDS))
    const id = await pipeline.upload(queue, silentFlac({ seconds: LONG, claimedSeconds }), {}, { by: userId })
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ status: 'failed', errorCode: 'audio_limit_reached' })
    expect(row.errorMessage).toMatch(
      /^The recording is longer than its header says, and with it you have used your 600 seconds/,
    )
    expect(await usedBy(userId)).toBe(3 * PIECE_SECONDS)
    await pipeline.withoutPcm(id)
    const seconds = engine.calls.reduce((sum, { pcm }) => sum + pcm.length / 32_000, 0)
    expect(seconds).toBeLessThanOrEqual(2 * PIECE_SECONDS)
  })

  test('a recording with a true header is completed, even if others use up the daily limit', async () => {
    const userId = await insertAnyUser(pipeline.db)
    const queue = await pipeline.startWorker(scriptedEngine(inMinutes), limited(LONG))
    const id = await pipeline.upload(queue, silentFlac({ seconds: LONG }), {}, { by: userId })
    const day = new Date().toISOString().slice(0, 10)
    await pipeline.db
      .insert(usage)
      .values({ userId, day, audioSeconds: LONG })
      .onConflictDoUpdate({ target: [usage.userId, usage.day], set: { audioSeconds: 2 * LONG } })
    expect((await pipeline.once(id, isFinished)).status).toBe('completed')
  })

  test('an upload through the edge API is counted when it is decoded', async () => {
    const userId = await insertAnyUser(pipeline.db)
    const queue = await pipeline.startWorker(scriptedEngine())
    const inspect = signatureInspector(pipeline)
    const id = await pipeline.upload(queue, wavOf(short), {}, { by: userId, inspect })
    await pipeline.once(id, isFinished)
    expect(await usedBy(userId)).toBeCloseTo(short.length / 32_000, 3)
  })

  test('a recording waits while the disk is full, and continues when space is free', async () => {
    let isFull = true
    const logged: string[] = []
    const { storage } = pipeline
    const full: Storage = {
      ...storage,
      async write(key, body, options) {
        if (isFull && key.includes('/pcm/')) throw new VerbatimError('storage_full', 'No room')
        return storage.write(key, body, options)
      },
    }
    const queue = await pipeline.openQueue()
    const id = await pipeline.upload(queue, wavOf(short))
    const log = (line: string) => void logged.push(line)
    const services = { ...pipeline.servicesOf({ queue, engine: scriptedEngine() }), storage: full, log }
    const outcome = createPrepare(services)({ transcriptionId: id }, new AbortController().signal)
    expect(await outcome.catch((error: unknown) => error)).toBeInstanceOf(Postponed)
    expect(logged).toEqual([`preparing ${id} is postponed: the storage is full`])
    isFull = false
    await pipeline.startWorker(scriptedEngine(), { storage: full })
    expect(await pipeline.once(id, isFinished)).toMatchObject({ status: 'completed', failures: 0 })
  })
})
