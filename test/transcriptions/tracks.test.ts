import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Media } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { signatureInspector } from '../../src/transcriptions/intake/inspect.ts'
import { createRequeue } from '../../src/transcriptions/pipeline/requeue.ts'
import { chosenTrack } from '../../src/transcriptions/tracks.ts'
import { cancelOwned } from '../../src/transcriptions/transcriptions.store.ts'
import { databases } from '../support/databases.ts'
import { matroskaOf, threeTracks } from '../support/matroska.ts'
import { fixturePcm } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline, textOf } from '../support/pipeline.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

const speech = await fixturePcm('speech.wav')
const { file, pcmOf } = threeTracks(speech)

const SEVERAL = {
  code: 'several_tracks',
  message:
    'The file has 3 audio tracks, and only track 2 is transcribed. To choose another, upload the file again with its number in the field track.',
}

describe.each(databases)('a file with several audio tracks on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  const upload = (isProbed: boolean, fields: Record<string, string> = {}) =>
    pipeline
      .openQueue()
      .then((queue) =>
        pipeline.upload(queue, file, fields, isProbed ? {} : { inspect: signatureInspector(pipeline) }),
      )

  async function transcribed(id: string, media: Media = pipeline.media) {
    await pipeline.startWorker(scriptedEngine(), { media })
    const row = await pipeline.once(id, isFinished)
    return { row, spans: await pipeline.spansOf(id) }
  }

  test.each([
    ['with a decoder', true],
    ['without a decoder', false],
  ])('uploaded through an API %s has its default track transcribed, with a warning', async (_, isProbed) => {
    const id = await upload(isProbed)
    const uploaded = await pipeline.once(id, () => true)
    expect(uploaded).toMatchObject(
      isProbed ? { track: 2, warnings: [SEVERAL] } : { track: null, tracks: null, warnings: [] },
    )
    const { row, spans } = await transcribed(id)
    expect(row).toMatchObject({ status: 'completed', track: 2, warnings: [SEVERAL] })
    expect(row.tracks?.map(({ number, title, isDefault }) => ({ number, title, isDefault }))).toEqual([
      { number: 1, title: 'Kommentar', isDefault: false },
      { number: 2, title: null, isDefault: true },
      { number: 3, title: null, isDefault: false },
    ])
    expect(row.text).toBe(textOf(speech, spans))
  })

  test.each([
    ['with a decoder', true],
    ['without a decoder', false],
  ])(
    'uploaded through an API %s has the requested track transcribed, without a warning',
    async (_, isProbed) => {
      const { row, spans } = await transcribed(await upload(isProbed, { track: '3' }))
      expect(row).toMatchObject({ status: 'completed', track: 3, warnings: [] })
      expect(row.tracks).toHaveLength(3)
      expect(row.text).toBe(textOf(pcmOf[2] ?? expect.unreachable(), spans))
    },
  )

  test('has a track with sound transcribed if its default track is silent', async () => {
    const silence = new Uint8Array(speech.length)
    const stereo = new Uint8Array(2 * speech.length)
    const silentDefault = matroskaOf([
      { pcm: silence, isDefault: true },
      { pcm: stereo, channels: 2 },
      { pcm: speech },
    ])
    const id = await pipeline.upload(await pipeline.openQueue(), silentDefault)
    expect(await pipeline.once(id, () => true)).toMatchObject({ track: 1 })
    const { row, spans } = await transcribed(id)
    expect(row).toMatchObject({ status: 'completed', track: 3, audioChannels: 1, codec: 'pcm_s16le' })
    expect(row.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('only track 3 is transcribed'),
    ])
    expect(row.text).toBe(textOf(speech, spans))
  })

  test('keeps its track when it is decoded again', async () => {
    const decoded: unknown[] = []
    const media: Media = {
      ...pipeline.media,
      decode(options) {
        decoded.push(options.track)
        return pipeline.media.decode(options)
      },
    }
    const id = await upload(true, { track: '1' })
    await pipeline.startWorker(scriptedEngine({ answer: () => new Promise(() => {}) }), { media })
    await pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
    await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
    await pipeline.tidy()
    const queue = await pipeline.openQueue()
    await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)
    const { row, spans } = await transcribed(id, media)
    expect(row.text).toBe(textOf(pcmOf[0] ?? expect.unreachable(), spans))
    expect(decoded).toEqual([1, 1])
  })

  test('that lacks the requested track fails if the API could not probe it', async () => {
    const { row } = await transcribed(await upload(false, { track: '4' }))
    expect(row).toMatchObject({
      status: 'failed',
      errorCode: 'track_outside',
      errorMessage: 'track is 4, but the file has 3 audio tracks: send a track from 1 to 3',
    })
  })

  test('is distinguished from a file with one track, which has no list', async () => {
    const queue = await pipeline.startWorker(scriptedEngine())
    const id = await pipeline.upload(queue, wavOf(speech), { track: '1' })
    expect(await pipeline.once(id, isFinished)).toMatchObject({ track: 1, tracks: null, warnings: [] })
  })
})

test('the tags of a track are stored without what Postgres refuses, and at most 100 characters of them', () => {
  const track = { number: 1, codec: 'aac', channels: 2, language: 'e\0ng', isDefault: true }
  const { tracks } = chosenTrack({
    requested: 1,
    track: 1,
    tracks: [
      { ...track, title: 'x'.repeat(5000) },
      { ...track, number: 2, title: null },
    ],
  })
  expect(tracks?.map(({ language, title }) => ({ language, title }))).toEqual([
    { language: 'eng', title: 'x'.repeat(100) },
    { language: 'eng', title: null },
  ])
})
