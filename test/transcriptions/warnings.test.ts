import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import type { DetectedLanguage } from '../../src/engines/engine.ts'
import type { Media } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createRequeue } from '../../src/transcriptions/pipeline/requeue.ts'
import { cancelOwned } from '../../src/transcriptions/transcriptions.store.ts'
import { WARNING_CODES, type Warning, type WarningCode } from '../../src/warnings.ts'
import { databases } from '../support/databases.ts'
import { threeTracks } from '../support/matroska.ts'
import { fixturePcm, silence } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { stereoWav } from '../support/recordings.ts'
import { namingSamples, scriptedEngine } from '../support/scripted-engine.ts'

const speech = await fixturePcm('speech.wav')
const wav = wavOf(speech)

const codesOf = ({ warnings }: { warnings: Warning[] }) => warnings.map(({ code }) => code)

/** The codes of `Media.decode`. */
const DECODING_CODES = WARNING_CODES.filter(
  (code) => !['several_tracks', 'language_mismatch', 'hints_ignored', 'no_speech'].includes(code),
)

describe.each(databases)('warnings of a transcription on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  /** Decodes as the real one, and returns for each decoding in turn the warnings with these codes. */
  function mediaWarning(...decodings: WarningCode[][]): Media {
    let count = 0
    return {
      ...pipeline.media,
      async decode(options) {
        await pipeline.media.decode(options)
        const number = count++
        const codes = decodings[number % decodings.length] ?? []
        return codes.map((code) => ({ code, message: `${code} in decoding ${number}` }))
      },
    }
  }

  /** An engine that hears this language in every span. */
  const hearing = (detected: DetectedLanguage | null, language = 'en') =>
    scriptedEngine({
      answer({ pcm }) {
        const { segments, model } = namingSamples(pcm)
        return { model, detected, segments: segments.map((segment) => ({ ...segment, language })) }
      },
    })

  test('has each warning of the decoder', async () => {
    const media = mediaWarning(DECODING_CODES)
    const queue = await pipeline.startWorker(scriptedEngine(), { media })
    const row = await pipeline.once(await pipeline.upload(queue, wav), isFinished)
    expect(row.warnings).toEqual(DECODING_CODES.map((code) => ({ code, message: `${code} in decoding 0` })))
  })

  test('has one warning of each code for all channels', async () => {
    const media = mediaWarning(['clipped'], ['truncated', 'clipped'])
    const queue = await pipeline.startWorker(scriptedEngine(), { media })
    const id = await pipeline.upload(queue, stereoWav(speech, speech), { channels: 'split' })
    expect((await pipeline.once(id, isFinished)).warnings).toEqual([
      { code: 'clipped', message: 'clipped in decoding 0' },
      { code: 'truncated', message: 'truncated in decoding 1' },
    ])
  })

  test('has them with the length of the audio, before it is transcribed', async () => {
    const waiting = scriptedEngine({ answer: () => new Promise(() => {}) })
    const queue = await pipeline.startWorker(waiting, { media: mediaWarning(['truncated']) })
    const id = await pipeline.upload(queue, wav)
    const row = await pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
    expect({ status: row.status, codes: codesOf(row) }).toEqual({
      status: 'processing',
      codes: ['truncated'],
    })
    await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
  })

  test('replaces those of an earlier decoding, and keeps that of several tracks', async () => {
    const waiting = scriptedEngine({ answer: () => new Promise(() => {}) })
    const media = mediaWarning(['truncated', 'clipped'], ['clipped', 'gap_shortened'])
    const queue = await pipeline.startWorker(waiting, { media })
    const id = await pipeline.upload(queue, threeTracks(speech).file)
    const first = await pipeline.once(id, ({ totalSamples }) => totalSamples !== null)
    expect(codesOf(first)).toEqual(['several_tracks', 'truncated', 'clipped'])
    await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
    await pipeline.tidy()
    const later = await pipeline.startWorker(scriptedEngine(), { media })
    await createRequeue({ db: pipeline.db, queue: later, traces: noTraces, log: () => {} })(id)
    const { warnings } = await pipeline.once(id, isFinished)
    expect(warnings.slice(1)).toEqual([
      { code: 'clipped', message: 'clipped in decoding 1' },
      { code: 'gap_shortened', message: 'gap_shortened in decoding 1' },
    ])
    expect(warnings[0]?.code).toBe('several_tracks')
  })

  test('says that no speech was found', async () => {
    const queue = await pipeline.startWorker(
      scriptedEngine({ answer: () => ({ model: 'scripted', segments: [], detected: null }) }),
    )
    const id = await pipeline.upload(queue, wavOf(silence(3)), { language: 'de' })
    expect((await pipeline.once(id, isFinished)).warnings).toEqual([
      { code: 'no_speech', message: 'No speech was found, so the transcript is empty.' },
    ])
  })

  test('says that another language was heard than the requested one', async () => {
    const queue = await pipeline.startWorker(hearing({ language: 'de', probability: 0.966 }))
    const id = await pipeline.upload(queue, wav, { language: 'en' })
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ language: 'en', detectedLanguage: 'en' })
    expect(row.warnings).toEqual([
      {
        code: 'language_mismatch',
        message:
          'English was requested, but German was heard (97 % sure). If that is right, upload the file again with the language de or auto.',
      },
    ])
    for (const span of await pipeline.spansOf(id)) {
      expect(span).toMatchObject({ detectedLanguage: 'de', detectedProbability: 0.966 })
    }
  })

  test.each([
    ['the requested language was heard', 'de', { language: 'de', probability: 0.97 }],
    ['another language was heard with little certainty', 'en', { language: 'de', probability: 0.6 }],
    ['the engine reports no language', 'en', null],
    ['the language was to be detected', 'auto', { language: 'de', probability: 0.97 }],
  ] as const)('does not mention the language if %s', async (_, language, detected) => {
    const queue = await pipeline.startWorker(hearing(detected))
    const row = await pipeline.once(await pipeline.upload(queue, wav, { language }), isFinished)
    expect(row).toMatchObject({ status: 'completed', language, warnings: [] })
  })

  test('says which language replaced the default one, and the transcription has that language', async () => {
    const idle = await pipeline.openQueue()
    const id = await pipeline.upload(idle, wav, { language: 'en' })
    await pipeline.db.update(transcriptions).set({ isLanguageDefault: true }).where(eq(transcriptions.id, id))
    await pipeline.startWorker(hearing({ language: 'de', probability: 0.97 }, 'de'))
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ language: 'de', detectedLanguage: 'de' })
    expect(row.warnings).toEqual([
      {
        code: 'language_mismatch',
        message:
          'No language was given. German was heard (97 % sure) and used instead of the default, English.',
      },
    ])
  })

  test('says that a hosted engine ignored the hints, and only if there were some', async () => {
    const sidecar = scriptedEngine()
    const queue = await pipeline.startWorker({ ...sidecar, name: 'huggingface' })
    const hints = { language: 'auto', prompt: 'A talk.', languages: 'en,de' }
    const ids = [await pipeline.upload(queue, wav, hints), await pipeline.upload(queue, wav)]
    const rows = await Promise.all(ids.map((id) => pipeline.once(id, isFinished)))
    expect(rows.map(({ warnings }) => warnings)).toEqual([
      [
        {
          code: 'hints_ignored',
          message:
            'An engine other than the sidecar transcribed some or all of the audio: prompt and languages had no effect there.',
        },
      ],
      [],
    ])
  })

  test('says that a temperature had no effect', async () => {
    const queue = await pipeline.startWorker(scriptedEngine())
    const id = await pipeline.upload(queue, wav, { language: 'auto', temperature: '0.4' })
    expect((await pipeline.once(id, isFinished)).warnings).toEqual([
      {
        code: 'hints_ignored',
        message: 'temperature 0.4 had no effect: engines choose it by the confidence of each passage.',
      },
    ])
  })

  test('does not mention hints that the sidecar took', async () => {
    const queue = await pipeline.startWorker(scriptedEngine())
    const id = await pipeline.upload(queue, wav, { language: 'auto', keywords: 'Ada' })
    expect((await pipeline.once(id, isFinished)).warnings).toEqual([])
  })
})
