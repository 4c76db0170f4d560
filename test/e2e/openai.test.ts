import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import OpenAI, { toFile } from 'openai'
import { runExamples } from '../support/examples.ts'
import { transcribeInPython } from '../support/openai-client.ts'
import { SPEECH_TEXT, startForClients } from '../support/other-apis.ts'
import { pythonWith } from '../support/python-client.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { parseWebVtt } from '../support/webvtt.ts'
import { wordErrorRate, wordsOf } from '../support/words.ts'
import { longRecording } from './recording.ts'

setDefaultTimeout(600_000)

describe('OpenAI’s client', () => {
  let service: Awaited<ReturnType<typeof startForClients>>
  let openai: OpenAI

  beforeAll(async () => {
    service = await startForClients({ MAX_UPLOAD_BYTES: '5000000' })
    openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: service.user.token, maxRetries: 0 })
  }, 600_000)

  afterAll(() => service.close(), 600_000)

  const speech = async () => ({
    file: await toFile(await Bun.file(join(ROOT, 'test/fixtures/speech.mp3')).bytes(), 'speech.mp3'),
    model: 'whisper-1',
  })

  test('creates a transcription as json', async () => {
    const { text } = await openai.audio.transcriptions.create(await speech())
    expect(wordErrorRate(SPEECH_TEXT, text)).toBeLessThanOrEqual(0.1)
    await service.expectNothingLeft()
  })

  test('creates a transcription as text, srt and vtt', async () => {
    for (const response_format of ['text', 'srt', 'vtt'] as const) {
      const text: string = await openai.audio.transcriptions.create({
        ...(await speech()),
        response_format,
        language: 'en',
        prompt: 'A library.',
        temperature: 0.2,
      })
      expect(wordsOf(text.replace(/^(WEBVTT|\d+|.* --> .*)$/gm, ''))).toEqual(wordsOf(SPEECH_TEXT))
      if (response_format === 'vtt') expect(parseWebVtt(text)).not.toEqual([])
      if (response_format === 'srt') expect(text).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/)
    }
    await service.expectNothingLeft()
  })

  test('creates a transcription as verbose_json with segments, words, or both', async () => {
    const ask = async (timestamp_granularities?: ('word' | 'segment')[]) =>
      openai.audio.transcriptions.create({
        ...(await speech()),
        response_format: 'verbose_json',
        ...(timestamp_granularities && { timestamp_granularities }),
      })
    const both = await ask(['word', 'segment'])
    expect(both).toMatchObject({
      task: 'transcribe',
      language: 'english',
      usage: { type: 'duration', seconds: 8 },
    })
    expect(both.duration).toBeCloseTo(7.1, 1)
    expect(both.words?.map(({ word }) => wordsOf(word).join('')).filter(Boolean)).toEqual(
      wordsOf(SPEECH_TEXT),
    )
    expect(both.segments?.map(({ text }) => text).join('')).toBe(` ${both.text}`)
    expect(both.segments?.[0]).toMatchObject({ id: 0, tokens: [] })
    expect(both.segments?.[0]?.avg_logprob).toBeLessThan(0)
    const plain = await ask()
    expect(plain).toHaveProperty('segments')
    expect(plain).not.toHaveProperty('words')
    const words = await ask(['word'])
    expect(words).toHaveProperty('words')
    expect(words).not.toHaveProperty('segments')
  })

  test('creates a transcription with hints, replacements and log-probabilities', async () => {
    const answer = await openai.audio.transcriptions.create({
      ...(await speech()),
      ...{ languages: ['en', 'de'], keywords: ['Ada'], replace: ['library => Bibliothek'] },
      model: 'gpt-4o-transcribe',
      include: ['logprobs'],
    })
    expect(wordsOf(answer.text)).toEqual(wordsOf(SPEECH_TEXT.replace('library', 'Bibliothek')))
    const logprobs = answer.logprobs ?? []
    expect(logprobs.map(({ token }) => token).join('')).toBe(` ${answer.text}`)
    for (const { token, bytes, logprob } of logprobs) {
      expect(new TextDecoder().decode(Uint8Array.from(bytes ?? []))).toBe(token ?? '')
      expect(logprob).toBeLessThanOrEqual(0)
    }
    await service.expectNothingLeft()
  })

  test('creates a translation', async () => {
    const answer = await openai.audio.translations.create({
      ...(await speech()),
      response_format: 'verbose_json',
    })
    expect(answer).toHaveProperty('language', 'english')
    expect(wordErrorRate(SPEECH_TEXT, answer.text)).toBeLessThanOrEqual(0.1)
    await service.expectNothingLeft()
  })

  test('streams the text while the audio is transcribed', async () => {
    const stream = await openai.audio.transcriptions.create({ ...(await speech()), stream: true })
    const deltas: string[] = []
    let done = ''
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas.push(event.delta)
      if (event.type === 'transcript.text.done') done = event.text
    }
    expect(deltas.length).toBeGreaterThan(1)
    expect(deltas.join('')).toBe(done)
    expect(wordErrorRate(SPEECH_TEXT, done)).toBeLessThanOrEqual(0.1)
    await service.expectNothingLeft()
  })

  test('transcribes a file in Python, with words, as subtitles and as a stream', async () => {
    const read = await transcribeInPython({
      url: `${service.url}/v1`,
      key: service.user.key,
      path: join(ROOT, 'test/fixtures/speech.mp3'),
    })
    for (const text of [read.text, read.streamed, read.words.join(' ')]) {
      expect(wordErrorRate(SPEECH_TEXT, text)).toBeLessThanOrEqual(0.1)
    }
    expect(read).toMatchObject({ language: 'english', segments: expect.any(Number) })
    expect(read.srt).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/)
    await service.expectNothingLeft()
  })

  test('leaves no data if it disconnects before the end', async () => {
    const file = await toFile(await (await longRecording(6)).bytes(), 'long.wav')
    for (const stream of [false, true]) {
      const disconnect = new AbortController()
      const pending = openai.audio.transcriptions.create(
        { file, model: 'whisper-1', stream },
        { signal: disconnect.signal },
      )
      pending.catch(() => {})
      const isThere = async () => {
        const answer = await fetch(`${service.url}/api/transcriptions`, { headers: service.user.headers })
        const { transcriptions }: { transcriptions: unknown[] } = await answer.json()
        return transcriptions.length > 0
      }
      while (!(await isThere())) await Bun.sleep(5)
      disconnect.abort()
      while (await isThere()) await Bun.sleep(20)
      await service.expectNothingLeft()
    }
  })

  test('runs as docs/switching.md shows', async () => {
    const outputs = await runExamples('Switch from OpenAI', {
      url: service.url,
      key: service.user.key,
      python: await pythonWith('openai-client'),
    })
    expect(outputs).toHaveLength(2)
    for (const output of outputs) expect(wordErrorRate(SPEECH_TEXT, output)).toBeLessThanOrEqual(0.1)
  })

  test('gets errors in OpenAI’s form', async () => {
    const stranger = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'sk-nobody', maxRetries: 0 })
    expect(await failure(stranger.models.list())).toMatchObject({
      name: 'AuthenticationError',
      status: 401,
      code: 'invalid_api_key',
      type: 'invalid_request_error',
    })
    const sent = async (other: object) =>
      failure(openai.audio.transcriptions.create({ ...(await speech()), ...other }))
    expect(await sent({ model: 'whisper-9' })).toMatchObject({
      name: 'NotFoundError',
      code: 'model_not_found',
      param: 'model',
    })
    expect(await sent({ response_format: 'docx' })).toMatchObject({
      name: 'BadRequestError',
      param: 'response_format',
      code: 'validation',
    })
    expect(await sent({ temperature: 7 })).toMatchObject({ status: 400, param: 'temperature' })
    expect(await sent({ language: 'tlh' })).toMatchObject({ status: 400, param: 'language' })
    expect(await sent({ timestamp_granularities: ['word'] })).toMatchObject({
      status: 400,
      param: 'timestamp_granularities',
    })
    expect(await sent({ file: await toFile(new Uint8Array(6_000_000), 'x.wav') })).toMatchObject({
      status: 413,
      code: 'too_large',
    })
    expect(await sent({ file: await toFile(Buffer.from('no audio'), 'x.wav') })).toMatchObject({
      status: 415,
      code: 'unsupported_type',
    })
    await service.expectNothingLeft()
  })

  test('lists and retrieves models', async () => {
    const ids: string[] = []
    for await (const { id } of openai.models.list()) ids.push(id)
    expect(ids[0]).toBe('whisper-1')
    expect(ids).toContain('gpt-4o-transcribe')
    expect(ids.at(-1)).toBe('sidecar')
    expect(await openai.models.retrieve('sidecar')).toMatchObject({ id: 'sidecar', object: 'model' })
    expect(await failure(openai.models.retrieve('none'))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
    const { text } = await openai.audio.transcriptions.create({ ...(await speech()), model: 'sidecar' })
    expect(wordsOf(text)).toEqual(wordsOf(SPEECH_TEXT))
  })
})

async function failure(response: Promise<unknown>) {
  const error = await response.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof OpenAI.APIError)) throw new Error(`no error of the API: ${error}`)
  const { status, code, param, type, message } = error
  return { name: error.constructor.name, status, code, param, type, message }
}
