import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { cancelOwned, fail, findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { sweepAll } from '../retention/sweeping.ts'
import { type Client, fixture } from '../support/api-client.ts'
import type { TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { startRoutes } from '../support/other-apis.ts'
import { finishWith, insertOwned } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

// test/e2e/openai.test.ts runs OpenAI's client with real speech.
describe.each(databases)('OpenAI’s routes on $name', (kind) => {
  let routes: Awaited<ReturnType<typeof startRoutes>>
  let service: TestService
  let anyone: Client
  let ada: Client

  beforeAll(async () => {
    routes = await startRoutes(kind)
    service = routes.service
    anyone = routes.anyone
  })
  afterAll(() => routes.close())
  beforeEach(async () => {
    ada = anyone.as(await anyone.newToken())
  })

  function send(fields: Record<string, string> = {}, route = 'transcriptions') {
    const form = new FormData()
    form.set('file', fixture('speech.mp3'), 'speech.mp3')
    form.set('model', 'whisper-1')
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return ada.ask(`/v1/audio/${route}`, { method: 'POST', body: form })
  }

  async function expectNothingLeft() {
    expect((await ada.ask('/api/transcriptions')).body).toMatchObject({ transcriptions: [] })
    expect(await service.files()).toEqual([])
  }

  test.each(['transcriptions', 'translations'])(
    '%s passes its fields to the transcription',
    async (route) => {
      const response = send(
        {
          language: 'de',
          response_format: 'verbose_json',
          'timestamp_granularities[]': 'word',
          track: '1',
          quality: 'best',
        },
        route,
      )
      const row = await routes.ephemeral()
      expect(row).toMatchObject(
        route === 'transcriptions'
          ? { task: 'transcribe', language: 'de', words: true, channels: 'mix', track: 1, quality: 'best' }
          : { task: 'translate', language: 'auto', words: true, track: 1, quality: 'best' },
      )
      await cancelOwned(service.db, row)
      expect(await response).toMatchObject({
        status: 409,
        body: { error: { code: 'already_over', param: null } },
      })
      await expectNothingLeft()
    },
  )

  test('verbose_json has the warnings, and json is as OpenAI’s', async () => {
    const clipped = { code: 'clipped', message: 'The loudest sounds are distorted.' } as const
    const expected = { verbose_json: { warnings: [clipped] }, json: { text: 'Hello' } }
    for (const [format, body] of Object.entries(expected)) {
      const response = send({ response_format: format })
      const { id } = await routes.ephemeral()
      await finishWith(service.db, {
        id,
        seconds: 2,
        heard: [segmentOf({ text: ' Hello' })],
        warnings: [clipped],
      })
      const answer = await response
      expect(answer).toMatchObject({ status: 200, body })
      expect(Object.keys(answer.body ?? {}).includes('warnings')).toBe(format === 'verbose_json')
    }
    await expectNothingLeft()
  })

  test('json and streams have the log-probabilities of words on request', async () => {
    const words = [
      { word: ' Zoë', start: 0, end: 1, probability: 0.5 },
      { word: ' x', start: 1, end: 2, probability: null },
    ]
    const logprobs = [{ token: ' Zoë', bytes: [32, 90, 111, 195, 171], logprob: Math.log(0.5) }]
    for (const stream of ['false', 'true']) {
      const response = send({ 'include[]': 'logprobs', stream })
      const { id, words: hasWords } = await routes.ephemeral()
      expect(hasWords).toBe(true)
      await finishWith(service.db, { id, seconds: 2, heard: [segmentOf({ text: ' Zoë x', words })] })
      const { body } = await response
      const last = String(body).trim().split('data: ').at(-1) ?? ''
      expect(stream === 'true' ? JSON.parse(last) : body).toMatchObject({ text: 'Zoë x', logprobs })
    }
  })

  test.each([
    [{ stream: 'False', timestamp_granularities: ['word', 'segment'] }],
    [{ stream: '0', timestamp_granularities: ['["word"]'] }],
    [{ 'timestamp_granularities[0]': ['word'], 'timestamp_granularities[1]': ['segment'] }],
    [{ timestamp_granularities: ['segment,word'] }],
  ])('%j asks for words', async (fields: Record<string, string | string[]>) => {
    const form = new FormData()
    form.set('audio', fixture('speech.mp3'), 'speech.mp3')
    form.set('response_format', 'verbose_json')
    for (const [name, values] of Object.entries(fields)) {
      for (const value of [values].flat()) form.append(name, value)
    }
    const response = ada.ask('/v1/audio/transcriptions', { method: 'POST', body: form })
    const row = await routes.ephemeral()
    expect(row.words).toBe(true)
    await cancelOwned(service.db, row)
    expect(await response).toMatchObject({ status: 409 })
  })

  test.each(['transcriptions', 'translations'])('%s pass their hints', async (route) => {
    const hints = { prompt: 'About ComfyUI.', keywords: 'ComfyUI', hotwords: 'Ada' }
    const response = send({ ...hints, replace: 'ada:Ada', 'languages[]': 'de,en' }, route)
    const row = await routes.ephemeral()
    expect(row).toMatchObject({
      ...{ prompt: 'About ComfyUI.', keywords: ['ComfyUI', 'Ada'] },
      ...{ replacements: [{ heard: 'ada', written: 'Ada' }], languages: ['de', 'en'] },
    })
    await cancelOwned(service.db, row)
    await response
  })

  test('a blank language is detected', async () => {
    const response = send({ language: ' ' })
    const row = await routes.ephemeral()
    expect(row).toMatchObject({ language: 'auto', isLanguageDefault: false })
    await cancelOwned(service.db, row)
    await response
  })

  test.each(['gpt-4o-transcribe', 'Whisper-Large-V3', 'default', ''])(
    'model %p is the service’s model',
    async (model) => {
      const response = send({ model })
      const row = await routes.ephemeral()
      expect(row.engine).toBeNull()
      await cancelOwned(service.db, row)
      await response
    },
  )

  test.each([
    ['/audio/transcriptions/', 'transcribe'],
    ['/v1//audio/transcriptions', 'transcribe'],
    ['/v1/v1/audio/transcriptions', 'transcribe'],
    ['/v1/audio/transcriptions/audio/transcriptions', 'transcribe'],
    ['/v1/audio/transcriptions/v1/audio/transcriptions', 'transcribe'],
    ['/audio/translations', 'translate'],
  ] as const)('%s is served: it can only mean to %s', async (path, task) => {
    const form = new FormData()
    form.set('file', fixture('speech.mp3'), 'speech.mp3')
    const response = ada.ask(path, { method: 'POST', body: form })
    const row = await routes.ephemeral()
    expect(row.task).toBe(task)
    await cancelOwned(service.db, row)
    expect(await response).toMatchObject({ status: 409, body: { error: { code: 'already_over' } } })
    expect((await anyone.ask(path, { method: 'POST' })).status).toBe(401)
  })

  test.each([
    ['/v1/audio/transcription', 'POST /v1/audio/transcriptions'],
    ['/audio/translation', 'POST /v1/audio/translations'],
    ['/v1/v1/models', 'GET /v1/models'],
    ['/v1/listen', 'POST /deepgram/v1/listen'],
  ])('%s is not found, and the error names %s', async (path, route) => {
    expect(await ada.ask(path, { method: 'POST', body: new FormData() })).toMatchObject({
      status: 404,
      body: { error: { message: `There is no route ${path}. Did you mean ${route}?`, code: 'not_found' } },
    })
  })

  test.each(['/inference', '/asr'])('%s is not found, and the error names OpenAI’s route', async (path) => {
    expect(await ada.ask(path, { method: 'POST' })).toMatchObject({
      status: 404,
      body: { error: `There is no route ${path}. Did you mean POST /v1/audio/transcriptions?` },
    })
  })

  test('a failed transcription returns its error, and is removed', async () => {
    const response = send()
    const { id } = await routes.ephemeral()
    await fail(service.db, { id, code: 'corrupt', message: 'The audio is broken' })
    expect(await response).toMatchObject({
      status: 400,
      body: {
        error: {
          message: 'The audio is broken',
          type: 'invalid_request_error',
          param: null,
          code: 'corrupt',
        },
      },
    })
    await expectNothingLeft()
  })

  test('a stream ends with the error of a failed transcription', async () => {
    const response = send({ stream: 'true' })
    const { id } = await routes.ephemeral()
    await fail(service.db, { id, code: 'engine_rejected', message: 'No engine takes it' })
    const { status, body } = await response
    expect(status).toBe(200)
    const [, data = ''] = /^data: (.+)$/m.exec(String(body)) ?? []
    expect(JSON.parse(data)).toEqual({
      error: { message: 'No engine takes it', type: 'server_error', param: null, code: 'engine_rejected' },
    })
    await expectNothingLeft()
  })

  test('a transcription that its owner deletes meanwhile returns 404', async () => {
    const response = send()
    const { id } = await routes.ephemeral()
    await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
    expect(await response).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } })
    await expectNothingLeft()
  })

  test('each error has OpenAI’s body', async () => {
    const none = new FormData()
    none.set('model', 'whisper-1')
    for (const [response, status, code, param] of [
      [anyone.ask('/v1/models'), 401, 'invalid_api_key', null],
      [ada.ask('/v1/nothing'), 404, 'not_found', null],
      [ada.ask('/v1/audio/transcriptions', { method: 'POST', body: none }), 400, 'no_audio_file', 'file'],
      [ada.ask('/v1/audio/transcriptions', { method: 'POST', body: '{' }), 400, 'no_audio_file', 'file'],
      [send({ stream: 'maybe' }), 400, 'validation', 'stream'],
      [send({ model: 'gpt-9' }), 404, 'model_not_found', 'model'],
      [send({ model: 'hosted' }), 404, 'model_not_found', 'model'],
      [send({ timestamp_granularities: 'word' }), 400, 'validation', 'timestamp_granularities'],
      [send({ keywords: 'x'.repeat(101) }), 400, 'validation', 'keywords'],
      [send({ replace: 'Kubeflow' }), 400, 'validation', 'replace'],
      [send({ languages: 'de', language: 'de' }), 400, 'validation', 'languages'],
      [send({ 'include[]': 'tokens' }), 400, 'validation', 'include'],
      [send({ 'include[]': 'logprobs', response_format: 'verbose_json' }), 400, 'validation', 'include'],
      [send({ temperature: 'warm' }), 400, 'validation', 'temperature'],
      [send({ track: '2' }), 400, 'track_outside', 'track'],
      [send({ track: 'first' }), 400, 'validation', 'track'],
      [send({ response_format: 'toString' }, 'translations'), 400, 'validation', 'response_format'],
    ] as const) {
      expect(await response).toMatchObject({
        status,
        body: { error: { type: 'invalid_request_error', code, param } },
      })
    }
    await expectNothingLeft()
  })

  test('the sweep removes ephemeral transcriptions that a crash left, and no others', async () => {
    const over = { status: 'completed', completedAt: new Date(Date.now() - 2 * 3_600_000) } as const
    const left = await insertOwned(service.db, { ...over, isEphemeral: true })
    const kept = [
      await insertOwned(service.db, over),
      await insertOwned(service.db, { ...over, isEphemeral: true, completedAt: new Date() }),
      await insertOwned(service.db, { isEphemeral: true, createdAt: over.completedAt }),
    ]
    const { db, storage } = service
    await sweepAll({ db, storage })
    expect(await findTranscription(db, left)).toBeNull()
    for (const id of kept) expect(await findTranscription(db, id)).not.toBeNull()
    await db.delete(transcriptions).where(sql`true`)
  })

  test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
})
