import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { VerbatimError } from '../../src/errors.ts'
import { createStorageQuota } from '../../src/limits/storage-quota.ts'
import type { Media } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { peaksOf } from '../../src/transcriptions/envelopes.store.ts'
import { probeInspector } from '../../src/transcriptions/intake/inspect.ts'
import { folderOf, pcmFolder, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { keysBelow } from '../contracts/storage.ts'
import { openBeginUpload } from '../support/begin-upload.ts'
import { databases } from '../support/databases.ts'
import { inspectOnly } from '../support/inspect.ts'
import { atVolume, fixturePcm, silence } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { fixture } from '../support/recordings.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'
import { uploadAudio } from '../support/upload-audio.ts'

describe.each(databases)('a clip on $name', (kind) => {
  let pipeline: Pipeline
  let recording: Uint8Array
  let clipped: Uint8Array
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
    recording = await readFile(fixture('speech.mp3'))
    clipped = wavOf(atVolume(await fixturePcm('speech.wav'), 30))
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  /** Uploads to a service that has no worker yet. */
  async function uploaded(
    audio: Uint8Array,
    fields: Record<string, string> = {},
    other: Partial<Parameters<typeof openBeginUpload>[0]> = {},
  ): Promise<string> {
    const { db, storage, media, userId } = pipeline
    const queue = await pipeline.openQueue()
    const inspect = probeInspector({ storage, media })
    const beginUpload = await openBeginUpload({ db, queue, storage, inspect, ...other })
    return uploadAudio(beginUpload, { userId, audio, fields })
  }

  /** What the upload and its transcription by an engine leave. */
  async function transcribed(
    id: string,
    { engine = scriptedEngine({ targetSpanSeconds: 30, maxSpanSeconds: 60 }), media = pipeline.media } = {},
  ) {
    await pipeline.startWorker(engine, { media })
    const { status, errorCode, totalSamples, workSamples, decodedSamples, warnings, text } =
      await pipeline.once(id, isFinished)
    await pipeline.withoutPcm(id)
    const peaks = (await peaksOf(pipeline.db, id)).map((bytes) => bytes.toBase64())
    return { status, errorCode, totalSamples, workSamples, decodedSamples, warnings, text, peaks }
  }

  const cannotDecode = (): Media => ({
    ...pipeline.media,
    decode: () => Promise.reject(new VerbatimError('corrupt', 'It was decoded again')),
  })

  test('is decoded once, with the result that prepare would have', async () => {
    for (const audio of [recording, clipped]) {
      const prepared = await transcribed(await uploaded(audio, {}, { inspect: inspectOnly(pipeline) }))
      await pipeline.tidy()
      const id = await uploaded(audio)
      expect(await findTranscription(pipeline.db, id)).toMatchObject({ status: 'processing', doneSamples: 0 })
      expect(await transcribed(id, { media: cannotDecode() })).toEqual(prepared)
      expect(prepared.status).toBe('completed')
      await pipeline.tidy()
    }
  })

  test('has the warnings of its sound', async () => {
    const row = await findTranscription(pipeline.db, await uploaded(clipped))
    expect(row?.warnings.map(({ code }) => code)).toEqual(['clipped'])
  })

  test.each([{ channels: 'split' }, { start: '1' }, { end: '2' }])(
    'waits for prepare with the options %o',
    async (fields) => {
      const id = await uploaded(recording, fields)
      expect(await findTranscription(pipeline.db, id)).toMatchObject({ status: 'queued', totalSamples: null })
      expect(await keysBelow(pipeline.storage, pcmFolder(id))).toEqual([])
      expect(await transcribed(id)).toMatchObject({ status: 'completed' })
    },
  )

  test('waits for prepare if it is longer than 30 s', async () => {
    const id = await uploaded(wavOf(silence(31)))
    expect(await findTranscription(pipeline.db, id)).toMatchObject({ status: 'queued' })
  })

  test('waits for prepare while enough of the user’s audio is decoded', async () => {
    const id = await uploaded(recording, {}, { decodeAheadSeconds: 0 })
    expect(await findTranscription(pipeline.db, id)).toMatchObject({ status: 'queued', decodedSamples: 0 })
    expect(await transcribed(id)).toMatchObject({ status: 'completed' })
  })

  test('waits for prepare if its pcm cannot be stored', async () => {
    const { storage } = pipeline
    const write: typeof storage.write = (key, ...rest) =>
      key.includes('/pcm/')
        ? Promise.reject(new VerbatimError('storage_full', 'The disk is full'))
        : storage.write(key, ...rest)
    const id = await uploaded(recording, {}, { storage: { ...storage, write } })
    expect(await findTranscription(pipeline.db, id)).toMatchObject({ status: 'queued' })
    expect(await transcribed(id)).toMatchObject({ status: 'completed' })
  })

  test('is decoded again if its pcm is lost', async () => {
    const id = await uploaded(recording)
    await pipeline.storage.remove(pcmKey({ id }))
    expect(await transcribed(id)).toMatchObject({ status: 'completed' })
  })

  test('is cut for an engine that takes shorter spans', async () => {
    const id = await uploaded(recording)
    await transcribed(id, { engine: scriptedEngine({ targetSpanSeconds: 2, maxSpanSeconds: 3 }) })
    const spans = await pipeline.spansOf(id)
    expect(spans.length).toBeGreaterThan(1)
    expect(spans.at(-1)?.endSample).toBe((await findTranscription(pipeline.db, id))?.totalSamples ?? 0)
    const segments = await pipeline.segmentsOf(id)
    expect((await findTranscription(pipeline.db, id))?.text).toBe(joinTexts(segments.map(({ text }) => text)))
  })

  test('is accepted if only its own pcm exceeds the quota, and leaves nothing if it does', async () => {
    const { db, storage, userId } = pipeline
    const wav = wavOf(await fixturePcm('speech.wav'))
    const begin = async (bytesPerUser: number) =>
      openBeginUpload({
        db,
        queue: await pipeline.openQueue(),
        storage,
        inspect: probeInspector(pipeline),
        storageQuota: createStorageQuota({ db, bytesPerUser }),
      })
    const before = await keysBelow(storage, 'transcriptions')
    const { stored } = await (await begin(0))({ userId }).then(
      () => ({ stored: null }),
      ({ message }: Error) => ({ stored: Number(/store (\d+) of/.exec(message)?.[1]) }),
    )
    const used = stored ?? expect.unreachable()
    await expect(uploadAudio(await begin(used + wav.length - 1), { userId, audio: wav })).rejects.toThrow(
      'does not fit',
    )
    expect(await keysBelow(storage, 'transcriptions')).toEqual(before)
    const id = await uploadAudio(await begin(used + wav.length), { userId, audio: wav })
    expect(await keysBelow(storage, folderOf(id))).toContain(pcmKey({ id }))
  })
})
