import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { AssemblyAI } from 'assemblyai'
import { transcribeInPython } from '../support/assemblyai-client.ts'
import { runExamples } from '../support/examples.ts'
import { SPEECH_TEXT, startForClients } from '../support/other-apis.ts'
import { pythonWith } from '../support/python-client.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { parseWebVtt } from '../support/webvtt.ts'
import { wordErrorRate, wordsOf } from '../support/words.ts'

setDefaultTimeout(600_000)

const SPEECH = join(ROOT, 'test/fixtures/speech.mp3')

describe('AssemblyAI’s client', () => {
  let service: Awaited<ReturnType<typeof startForClients>>
  let assemblyai: AssemblyAI

  beforeAll(async () => {
    service = await startForClients()
    assemblyai = new AssemblyAI({ apiKey: service.user.key, baseUrl: `${service.url}/assemblyai` })
  }, 600_000)

  afterAll(() => service.close(), 600_000)

  test('transcribes a local file, reads it in every form, lists and deletes it', async () => {
    const params = { audio: SPEECH, language_detection: true, keyterms_prompt: ['library'] }
    const { id, status, text, words, ...transcript } = await assemblyai.transcripts.transcribe(params, {
      pollingInterval: 100,
    })
    expect(status).toBe('completed')
    expect(wordErrorRate(SPEECH_TEXT, text ?? '')).toBeLessThanOrEqual(0.1)
    expect(transcript).toMatchObject({ audio_duration: 7, language_code: 'en', error: null })
    expect(transcript.confidence).toBeGreaterThan(0.5)
    const heard = words ?? []
    expect(heard.map(({ text }) => wordsOf(text).join('')).filter(Boolean)).toEqual(wordsOf(text ?? ''))
    expect(
      heard.every(({ start, end }, index) => end >= start && start >= (heard[index - 1]?.start ?? 0)),
    ).toBe(true)

    const { sentences } = await assemblyai.transcripts.sentences(id)
    const { paragraphs } = await assemblyai.transcripts.paragraphs(id)
    for (const passages of [sentences, paragraphs]) {
      expect(passages.map(({ text }) => text).join(' ')).toBe(text ?? '')
      expect(passages.flatMap(({ words }) => words)).toEqual(heard)
    }
    expect(sentences.length).toBeGreaterThan(1)

    expect(await assemblyai.transcripts.subtitles(id, 'srt')).toMatch(
      /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/,
    )
    const captions = parseWebVtt(await assemblyai.transcripts.subtitles(id, 'vtt', 24))
    expect(captions.map(({ text }) => text).join(' ')).toBe(text ?? '')
    expect(Math.max(...captions.map(({ text }) => text.length))).toBeLessThanOrEqual(24)

    expect((await service.user.status(id)).transcription).toBe(text ?? '')
    const { transcripts } = await assemblyai.transcripts.list({ limit: 5, status: 'completed' })
    expect(transcripts.map(({ id }) => id)).toEqual([id])

    expect((await assemblyai.transcripts.delete(id)).id).toBe(id)
    await service.expectNothingLeft()
  })

  test('transcribes a local file in Python, reads it in every form, lists and deletes it', async () => {
    const read = await transcribeInPython({
      url: `${service.url}/assemblyai`,
      key: service.user.key,
      path: SPEECH,
    })
    expect(read).toMatchObject({ status: 'completed', error: null, listed: [read.id] })
    expect(wordErrorRate(SPEECH_TEXT, read.text)).toBeLessThanOrEqual(0.1)
    for (const parts of [read.words, read.sentences, read.paragraphs]) expect(parts.join(' ')).toBe(read.text)
    expect(read.srt).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/)
    expect(read.deleted).toBe('Deleted by user.')
    await service.expectNothingLeft()
  })

  test('runs as docs/switching.md shows', async () => {
    const outputs = await runExamples('Switch from AssemblyAI', {
      url: service.url,
      key: service.user.key,
      python: await pythonWith('assemblyai-client'),
    })
    expect(outputs).toHaveLength(2)
    for (const output of outputs) expect(wordErrorRate(SPEECH_TEXT, output)).toBeLessThanOrEqual(0.1)
  })

  test('gets the reason of a refusal', async () => {
    const request = { audio: SPEECH, sentiment_analysis: true }
    await expect(assemblyai.transcripts.transcribe(request)).rejects.toThrow(
      'sentiment_analysis is not offered',
    )
    const stranger = new AssemblyAI({ apiKey: 'nobody', baseUrl: `${service.url}/assemblyai` })
    await expect(stranger.transcripts.transcribe({ audio: SPEECH })).rejects.toThrow('not valid')
  })
})
