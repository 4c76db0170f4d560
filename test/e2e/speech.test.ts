import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatenated } from '../../src/bytes.ts'
import { wavOf } from '../../src/media/wav.ts'
import { signUp } from '../support/client.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { faster, fixturePcm, silence } from '../support/pcm.ts'
import { type RunningService, startService } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { parseWebVtt } from '../support/webvtt.ts'
import { wordErrorRate, wordsOf } from '../support/words.ts'

const FORMATS = ['wav', 'mp3', 'flac', 'm4a', 'ogg', 'webm', 'mp4']
const clip = (format: string) => Bun.file(join(ROOT, 'test/fixtures', `speech.${format}`))
const TEXT = (await Bun.file(join(ROOT, 'test/fixtures/README.md')).text()).match(/^> (.+)$/m)?.[1] ?? ''

// Starts the service as `npm start` does, with the real model.
describe.each(databases)('speech through the whole service on $name', (kind) => {
  let database: TestDatabase
  let service: RunningService
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
    database = await kind.open()
    service = await startService({ DATA_DIR: folder, ...(database.url && { DATABASE_URL: database.url }) })
    await service.ready
  }, 600_000)

  afterAll(async () => {
    const code = await service.kill('SIGTERM')
    await database.close()
    await rm(folder, { recursive: true, force: true })
    expect(code).toBe(0)
  }, 600_000)

  test.each(FORMATS)('%s is transcribed to its text', async (format) => {
    const user = await signUp(service.url)
    const done = await user.finished(await user.upload(clip(format), { language: 'en' }))
    expect(done.failure).toBeNull()
    expect(wordErrorRate(TEXT, done.transcription ?? '')).toBeLessThanOrEqual(0.1)
  })

  test('the language is detected, words have times, and every format has the same words', async () => {
    const user = await signUp(service.url)
    const id = await user.upload(clip('flac'), { language: 'auto', words: 'true' })
    const done = await user.finished(id)
    expect(done.language).toBe('en')
    const transcript: {
      text: string
      duration: number
      segments: { start: number; end: number; words: { start: number; end: number; word: string }[] }[]
    } = JSON.parse(await user.transcript(id, 'json'))
    const words = transcript.segments.flatMap((segment) => segment.words)
    expect(words.map(({ word }) => wordsOf(word).join('')).filter(Boolean)).toEqual(wordsOf(transcript.text))
    const times = words.flatMap(({ start, end }) => [start, end])
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeLessThanOrEqual(transcript.duration)
    expect(wordsOf(await user.transcript(id, 'txt'))).toEqual(wordsOf(transcript.text))
    const srt = (await user.transcript(id, 'srt')).replace(/^(\d+|.* --> .*)$/gm, '')
    expect(wordsOf(srt)).toEqual(wordsOf(transcript.text))
    const vtt = parseWebVtt(await user.transcript(id, 'vtt')).map(({ text }) => text)
    expect(wordsOf(vtt.join(' '))).toEqual(wordsOf(transcript.text))
  })

  test('two voices are two speakers', async () => {
    const user = await signUp(service.url)
    const voice = await fixturePcm('speech.wav')
    // Faster, so of higher pitch.
    const other = faster(voice, 1.35)
    const recording = wavOf(concatenated([voice, silence(1), other, silence(1), voice]))
    const id = await user.upload(new Blob([recording]), { language: 'en', speakers: 'true' })
    expect(await user.finished(id)).toMatchObject({ status: 'completed', warnings: [] })
    const turns = (await user.transcript(id, 'txt')).trim().split('\n')
    expect(turns.map((turn) => turn.slice(0, 3))).toEqual(['A: ', 'B: ', 'A: '])
    for (const turn of turns) expect(wordErrorRate(TEXT, turn.slice(3))).toBeLessThanOrEqual(0.1)
  }, 600_000)

  test('silence is transcribed to an empty text', async () => {
    const user = await signUp(service.url)
    const header = (await clip('wav').bytes()).slice(0, 44)
    const silent = new Blob([header, new Uint8Array(5 * 32_000)])
    const done = await user.finished(await user.upload(silent, { language: 'auto' }))
    expect(done).toMatchObject({ status: 'completed', transcription: '' })
  })
})
