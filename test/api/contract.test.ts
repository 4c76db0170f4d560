import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { complete } from '../../src/transcriptions/transcriptions.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe.each(databases)('the API contract on $name', (kind) => {
  let service: TestService
  let ada: Client
  let eve: Client

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
    eve = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  const upload = async (fields: Record<string, string> = {}) =>
    textAt((await ada.upload(fixture('speech.mp3'), fields)).body, 'transcription_id')

  test.each(['/api/transcribe/', '/api/transcribe'])('POST %s answers 202 with the id', async (path) => {
    const form = new FormData()
    form.set('audio', fixture('speech.wav'))
    form.set('language', 'en')
    const { status, body } = await ada.ask(path, { method: 'POST', body: form })
    expect(status).toBe(202)
    expect(body).toEqual({
      message: 'Transcription started',
      transcription_id: expect.stringMatching(UUID),
    })
  })

  test.each(['/', ''])('GET /api/transcriptions/{id}%s has the fields of the contract', async (slash) => {
    const id = await upload()
    const { status, body } = await ada.ask(`/api/transcriptions/${id}${slash}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id,
      audio_file: expect.stringMatching(/^http:\/\/[^ ]+$/),
      transcription: null,
      status: 'queued',
      created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
      language: 'en',
    })
  })

  test('a completed transcription has its text', async () => {
    const id = await upload({ language: 'auto' })
    await service.db.transaction((tx) =>
      complete(tx, { id, text: 'The transcribed text', detectedLanguage: 'de' }),
    )
    expect((await ada.ask(`/api/transcriptions/${id}/`)).body).toMatchObject({
      transcription: 'The transcribed text',
      status: 'completed',
      language: 'de',
      completed_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
    })
  })

  test('the status has additional fields', async () => {
    const id = await upload({ language: 'en-US', task: 'translate' })
    const bytes = await fixture('speech.mp3').bytes()
    expect((await ada.ask(`/api/transcriptions/${id}/`)).body).toMatchObject({
      language: 'en',
      task: 'translate',
      progress: 0,
      duration: null,
      filename: 'speech.mp3',
      size: bytes.length,
      sha256: new Bun.CryptoHasher('sha256').update(bytes).digest('hex'),
      codec: 'mp3',
      completed_at: null,
      failure: null,
    })
  })

  test('an upload without audio answers 400', async () => {
    const problem = { error: 'No audio file provided', code: 'no_audio_file' }
    const json = await ada.post('/api/transcribe/', { audio: 'x' })
    const text = await ada.upload(null, { audio: 'not a file' })
    const none = await ada.ask('/api/transcribe/', { method: 'POST' })
    for (const { status, body } of [json, text, none]) {
      expect({ status, body }).toEqual({ status: 400, body: problem })
    }
  })

  test('a missing id, an invalid id and another user’s id answer the same 404', async () => {
    const id = await upload()
    const notFound = { status: 404, body: { error: 'Transcription not found', code: 'not_found' } }
    const responses = [
      ada.ask(`/api/transcriptions/${crypto.randomUUID()}/`),
      ada.ask('/api/transcriptions/12345/'),
      ada.ask("/api/transcriptions/'%20or%201=1--/"),
      ada.ask('/api/transcriptions/%00/'),
      ada.ask(`/api/transcriptions/${id}x/`),
      eve.ask(`/api/transcriptions/${id}/`),
      eve.ask(`/api/transcriptions/${id}`),
      eve.ask(`/api/transcriptions/${id}/transcript`),
      ada.ask(`/api/transcriptions/${crypto.randomUUID()}/transcript`),
    ]
    for (const { status, body } of await Promise.all(responses)) expect({ status, body }).toEqual(notFound)
  })

  test('the transcript of an unfinished transcription answers 409', async () => {
    const id = await upload()
    for (const query of ['', '?format=srt']) {
      const { status, body } = await ada.ask(`/api/transcriptions/${id}/transcript${query}`)
      expect({ status, body }).toEqual({
        status: 409,
        body: {
          error: expect.stringMatching(
            /^The transcription is queued: wait until it is completed, or send \?partial=true/,
          ),
          code: 'not_ready',
        },
      })
    }
    const wrong = await ada.ask(`/api/transcriptions/${id}/transcript?format=docx`)
    expect(wrong).toMatchObject({ status: 400, body: { code: 'validation' } })
    expect(textAt(wrong.body, 'error')).toContain('format')
  })

  test('a trailing slash makes no difference to any route', async () => {
    const { paths }: { paths: Record<string, Record<string, unknown>> } = await (
      await fetch(`${service.url}/swagger/json`)
    ).json()
    const answer = async (method: string, path: string) => {
      const init = { method: method.toUpperCase(), redirect: 'manual' } as const
      const { status } = await fetch(service.url + path, init)
      return { route: `${method} ${path.replace(/\/$/, '')}`, status }
    }
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        const named = path.replace(/\{\w+\}/g, crypto.randomUUID())
        expect(await answer(method, `${named}/`)).toEqual(await answer(method, named))
      }
    }
  })

  test('no defect was logged', () => expect(service.logged).toEqual([]))
})

test('a host name as short as a container’s is accepted', async () => {
  const service = await startService({ kind: embedded })
  try {
    for (const host of ['api', 'x', 'a.b']) {
      const response = await fetch(`${service.url}/health/live`, { headers: { host } })
      expect({ host, status: response.status }).toEqual({ host, status: 200 })
      const unauthorized = await fetch(`${service.url}/api/transcriptions/1/`, { headers: { host } })
      expect({ host, status: unauthorized.status }).toEqual({ host, status: 401 })
    }
  } finally {
    await service.close()
  }
})
