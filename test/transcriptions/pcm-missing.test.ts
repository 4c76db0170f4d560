import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { envelopes } from '../../src/db/schema.ts'
import { VerbatimError } from '../../src/errors.ts'
import { wavOf } from '../../src/media/wav.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { createRequeue } from '../../src/transcriptions/pipeline/requeue.ts'
import { audioKey, pcmFolder, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { cancelOwned, fail } from '../../src/transcriptions/transcriptions.store.ts'
import { streamOf } from '../contracts/storage.ts'
import { databases } from '../support/databases.ts'
import { isFinished, openPipeline, type Pipeline, repeatedSpeech, textOf } from '../support/pipeline.ts'
import { namingSamples, scriptedEngine } from '../support/scripted-engine.ts'

const long = await repeatedSpeech(3)
const longWav = wavOf(long)
const threePieces = await repeatedSpeech(90)

describe.each(databases)('a transcription whose pcm is lost, on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  /** A decoded transcription whose first span is done; no span is in progress. */
  async function halfDone() {
    const first = Promise.withResolvers<void>()
    const engine = scriptedEngine({
      async answer({ pcm }, call) {
        if (call > 0) await new Promise(() => {})
        first.resolve()
        return namingSamples(pcm)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, longWav)
    await pipeline.once(id, ({ totalSamples, doneSamples }) => totalSamples !== null && doneSamples > 0)
    await queue.stop(0)
    return id
  }

  async function expectWhole(id: string) {
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ status: 'completed', errorCode: null })
    expect(row.doneSamples).toBe(row.workSamples ?? 0)
    expect(row.text).toBe(textOf(long, await pipeline.spansOf(id)))
  }

  test.each([
    ['all of it', (id: string) => pipeline.storage.remove(pcmFolder(id))],
    [
      'half of a piece',
      async (id: string) =>
        void (await pipeline.storage.write(pcmKey({ id }), streamOf(long.subarray(0, 100_000)))),
    ],
  ])('(%s) is decoded again, and repeats no finished span', async (_, lose) => {
    const id = await halfDone()
    const before = await pipeline.spansOf(id)
    await lose(id)
    const engine = scriptedEngine()
    await pipeline.startWorker(engine)
    await expectWhole(id)
    const after = await pipeline.spansOf(id)
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    expect(after[0]).toEqual(before[0])
    expect(engine.calls).toHaveLength(before.length - 1)
    expect(after.map(({ failures }) => failures)).toEqual(after.map(() => 0))
  })

  test('gets every piece in the end if it is lost while it is decoded', async () => {
    const queue = await pipeline.openQueue()
    const id = await pipeline.upload(queue, longWav)
    // As if the first piece had been stored before and its file were lost.
    const levels = new Uint8Array()
    await pipeline.db.insert(envelopes).values({ transcriptionId: id, levels, peaks: levels })
    await pipeline.startWorker(scriptedEngine())
    await expectWhole(id)
  })

  test('is decoded again when it is requeued while it is still being decoded', async () => {
    const queue = await pipeline.openQueue()
    const id = await pipeline.upload(queue, wavOf(threePieces))
    const isWriting = Promise.withResolvers<void>()
    const mayWrite = Promise.withResolvers<void>()
    const isWritten = Promise.withResolvers<void>()
    const stop = new AbortController()
    const first = createPrepare({
      ...pipeline.servicesOf({ queue, engine: scriptedEngine() }),
      // The notification that it has finished comes too late.
      changes: { listen: () => () => {}, listenForEnd: () => () => {} },
      storage: {
        ...pipeline.storage,
        async write(key, ...rest) {
          if (key === pcmKey({ id, piece: 1 })) {
            isWriting.resolve()
            await mayWrite.promise
          }
          if (key === pcmKey({ id, piece: 2 })) {
            isWritten.resolve()
            await new Promise((_, reject) => stop.signal.addEventListener('abort', reject))
          }
          return pipeline.storage.write(key, ...rest)
        },
      },
    })({ transcriptionId: id }, stop.signal).catch(() => {})
    await isWriting.promise
    await fail(pipeline.db, { id, code: 'internal', message: 'A failure' })
    await pipeline.storage.remove(pcmFolder(id))
    await queue.clear()
    await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)
    mayWrite.resolve()
    await Promise.race([first, isWritten.promise])
    await pipeline.startWorker(scriptedEngine())
    const row = await pipeline.once(id, isFinished)
    stop.abort()
    await first
    expect(row).toMatchObject({
      status: 'completed',
      text: textOf(threePieces, await pipeline.spansOf(id)),
    })
  })

  test('is decoded again when it was canceled and is requeued', async () => {
    const id = await halfDone()
    await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
    await pipeline.storage.remove(pcmFolder(id))
    const queue = await pipeline.startWorker(scriptedEngine())
    await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)
    await expectWhole(id)
  })

  test('fails if its audio is lost too, with an error that names no storage key', async () => {
    const id = await halfDone()
    await pipeline.storage.remove(pcmFolder(id))
    await pipeline.storage.remove(audioKey(id))
    await pipeline.startWorker(scriptedEngine())
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({
      ...{ status: 'failed', errorCode: 'audio_missing' },
      errorMessage: 'The audio is missing: upload it again',
    })
  })

  test('does not fail while the storage is unavailable', async () => {
    const id = await halfDone()
    let isAway = true
    const read: typeof pipeline.storage.read = async (key, range) => {
      if (isAway) throw new VerbatimError('storage_unavailable', 'The storage is away')
      return pipeline.storage.read(key, range)
    }
    const log: string[] = []
    await pipeline.startWorker(scriptedEngine(), {
      storage: { ...pipeline.storage, read },
      log: (line) => log.push(line),
    })
    while (log.length < 2) await Bun.sleep(20)
    isAway = false
    await expectWhole(id)
    expect((await pipeline.spansOf(id)).map(({ failures }) => failures)).not.toContain(1)
    expect(await pipeline.db.select().from(envelopes).where(eq(envelopes.transcriptionId, id))).toHaveLength(
      1,
    )
  })
})
