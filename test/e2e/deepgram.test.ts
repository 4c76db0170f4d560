import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { DeepgramClient, DeepgramError } from '@deepgram/sdk'
import { transcribeInPython } from '../support/deepgram-client.ts'
import { runExamples } from '../support/examples.ts'
import { SPEECH_TEXT, startForClients } from '../support/other-apis.ts'
import { pythonWith } from '../support/python-client.ts'
import { stereoWav } from '../support/recordings.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { wordErrorRate, wordsOf } from '../support/words.ts'
import { longRecording } from './recording.ts'

setDefaultTimeout(600_000)

const WAV_HEADER_BYTES = 44

describe('Deepgram’s client', () => {
  let service: Awaited<ReturnType<typeof startForClients>>
  let deepgram: DeepgramClient

  const fixture = (name: string) => Bun.file(join(ROOT, 'test/fixtures', name))
  const clientOf = (apiKey: string) =>
    new DeepgramClient({ apiKey, baseUrl: `${service.url}/deepgram`, maxRetries: 0 })

  beforeAll(async () => {
    service = await startForClients()
    deepgram = clientOf(service.user.key)
  }, 600_000)

  afterAll(() => service.close(), 600_000)

  test('transcribes a file, with words, utterances and paragraphs', async () => {
    const response = await deepgram.listen.v1.media.transcribeFile(await fixture('speech.mp3').bytes(), {
      model: 'nova-3',
      smart_format: true,
      detect_language: true,
      utterances: true,
      paragraphs: true,
      keyterm: ['library', 'river'],
      diarize: false,
      tag: ['e2e'],
    })
    if (!('results' in response)) throw new Error('the client did not wait for the transcript')
    const { metadata, results } = response
    expect(metadata.duration).toBeCloseTo(7.1, 1)
    expect(metadata).toMatchObject({ channels: 1, tags: ['e2e'] })
    expect(metadata.model_info).toHaveProperty([metadata.models[0] ?? ''])
    const [channel] = results.channels
    expect(channel?.detected_language).toBe('en')
    const [best] = channel?.alternatives ?? []
    expect(wordErrorRate(SPEECH_TEXT, best?.transcript ?? '')).toBeLessThanOrEqual(0.1)
    expect(best?.confidence).toBeWithin(0.5, 1)
    const words = best?.words ?? []
    expect(words.map(({ word = '' }) => wordsOf(word).join('')).filter(Boolean)).toEqual(
      wordsOf(best?.transcript ?? ''),
    )
    expect(words.every(({ confidence = 0 }) => confidence > 0 && confidence <= 1)).toBe(true)
    expect(words.map(({ start = 0 }) => start)).toEqual(
      words.map(({ start = 0 }) => start).toSorted((a, b) => a - b),
    )
    const spoken = results.utterances?.map(({ transcript }) => transcript).join(' ') ?? ''
    expect(wordsOf(spoken)).toEqual(wordsOf(best?.transcript ?? ''))
    expect(wordsOf(best?.paragraphs?.transcript ?? '')).toEqual(wordsOf(best?.transcript ?? ''))
    await service.expectNothingLeft()
  })

  test('transcribes a file in Python', async () => {
    const { results } = await transcribeInPython({
      url: `${service.url}/deepgram`,
      key: service.user.key,
      path: join(ROOT, 'test/fixtures/speech.mp3'),
    })
    const [best] = results.channels[0]?.alternatives ?? []
    expect(wordErrorRate(SPEECH_TEXT, best?.transcript ?? '')).toBeLessThanOrEqual(0.1)
    expect(best?.words.every(({ confidence }) => confidence > 0)).toBe(true)
    expect(wordsOf(results.utterances.map(({ transcript }) => transcript).join(' '))).toEqual(
      wordsOf(best?.transcript ?? ''),
    )
    await service.expectNothingLeft()
  })

  test('transcribes the audio at a URL', async () => {
    const url = `${service.recordings}/speech.flac`
    const response = await deepgram.listen.v1.media.transcribeUrl({ url, language: 'en-US' })
    if (!('results' in response)) throw new Error('the client did not wait for the transcript')
    const transcript = response.results.channels[0]?.alternatives?.[0]?.transcript ?? ''
    expect(wordErrorRate(SPEECH_TEXT, transcript)).toBeLessThanOrEqual(0.1)
    await service.expectNothingLeft()
  })

  test('transcribes each channel of a call', async () => {
    const speech = (await fixture('speech.wav').bytes()).slice(WAV_HEADER_BYTES)
    const call = stereoWav(speech, new Uint8Array(speech.length))
    const response = await deepgram.listen.v1.media.transcribeFile(call, { multichannel: true })
    if (!('results' in response)) throw new Error('the client did not wait for the transcript')
    const transcripts = response.results.channels.map(({ alternatives }) => alternatives?.[0]?.transcript)
    expect(wordErrorRate(SPEECH_TEXT, transcripts[0] ?? '')).toBeLessThanOrEqual(0.1)
    expect(transcripts.slice(1)).toEqual([''])
  })

  test('leaves no data if it disconnects before the end', async () => {
    const file = await (await longRecording(6)).bytes()
    const disconnect = new AbortController()
    const pending = deepgram.listen.v1.media.transcribeFile(file, {}, { abortSignal: disconnect.signal })
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
  })

  test('runs as docs/switching.md shows', async () => {
    const outputs = await runExamples('Switch from Deepgram', {
      url: service.url,
      key: service.user.key,
      python: await pythonWith('deepgram-client'),
    })
    expect(outputs).toHaveLength(2)
    for (const output of outputs) expect(wordErrorRate(SPEECH_TEXT, output)).toBeLessThanOrEqual(0.1)
  })

  test('gets errors in Deepgram’s form', async () => {
    const audio = await fixture('speech.mp3').bytes()
    const stranger = clientOf('nobody').listen.v1.media.transcribeFile(audio, {})
    expect(await failure(stranger)).toMatchObject({ statusCode: 401, body: { err_code: 'INVALID_AUTH' } })
    const refused = await failure(deepgram.listen.v1.media.transcribeFile(audio, { summarize: 'v2' }))
    expect(refused).toMatchObject({
      statusCode: 400,
      body: {
        err_code: 'Bad Request',
        err_msg: expect.stringContaining('summarize is not offered'),
        request_id: refused.requestId,
      },
    })
    await service.expectNothingLeft()
  })
})

async function failure(response: Promise<unknown>): Promise<DeepgramError> {
  const error = await response.then(
    () => null,
    (error: unknown) => error,
  )
  if (error instanceof DeepgramError) return error
  throw new Error(`no error of the API: ${error}`)
}
