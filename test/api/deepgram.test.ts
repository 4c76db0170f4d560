import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { cancelOwned, fail } from '../../src/transcriptions/transcriptions.store.ts'
import { type Client, fixture, textAt } from '../support/api-client.ts'
import type { TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { startRoutes } from '../support/other-apis.ts'
import { stereoWav } from '../support/recordings.ts'
import { finishWith } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

const word = (text: string, start: number, end: number, probability = 0.5) => ({
  word: text,
  start,
  end,
  probability,
})

const silence = new Uint8Array(64_000)

const GREETING = segmentOf({
  text: ' Hello, Ada! How are you?',
  start: 0,
  end: 2,
  language: 'en',
  words: [
    word(' Hello,', 0, 0.4, 0.9),
    word(' Ada!', 0.4, 0.6, 0.7),
    word(' How', 1.6, 1.7),
    word(' are', 1.7, 1.8),
    word(' you?', 1.8, 2),
  ],
})

// test/e2e/deepgram.test.ts runs Deepgram's client with real speech.
describe.each(databases)('Deepgram’s route on $name', (kind) => {
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

  const send = (query = '', init: RequestInit = { body: fixture('speech.mp3') }) =>
    ada.ask(`/deepgram/v1/listen?${query}`, { method: 'POST', ...init })

  async function expectNothingLeft() {
    expect((await ada.ask('/api/transcriptions')).body).toMatchObject({ transcriptions: [] })
    expect(await service.files()).toEqual([])
  }

  test.each([
    ['', { language: 'en', isLanguageDefault: true, channels: 'mix', words: true, engine: null }],
    [
      'model=nova-3-medical&language=de-AT&punctuate=true&smart_format=true&numerals=true',
      { language: 'de' },
    ],
    ['model=sidecar&diarize=false&callback=&encoding=linear16&version=latest', { engine: 'sidecar' }],
    ['detect_language=true&language=de', { language: 'auto' }],
    ['detect_language=false&language=de', { language: 'de' }],
    ['detect_language=fr', { language: 'fr' }],
    ['detect_language=fr&detect_language=it', { language: 'auto' }],
    ['language=multi', { language: 'auto' }],
    ['multichannel=true&track=1', { channels: 'split', track: 1, quality: 'balanced' }],
    ['quality=fast', { quality: 'fast' }],
    [
      'keyterm=Ada,%20Countess&keyterm=engine:2&keywords=Babbage:1.5&keywords=Jacquard',
      { keywords: ['Ada, Countess', 'engine:2', 'Babbage', 'Jacquard'] },
    ],
  ])('?%s is passed to the transcription', async (query, expected) => {
    const response = send(query)
    const row = await routes.ephemeral()
    expect(row).toMatchObject(expected)
    await cancelOwned(service.db, row)
    expect(await response).toMatchObject({ status: 409, body: { err_code: 'ALREADY_OVER' } })
    await expectNothingLeft()
  })

  test('a response has Deepgram’s form', async () => {
    const clipped = { code: 'clipped', message: 'The loudest sounds are distorted.' } as const
    const response = send('tag=a&tag=b&extra=room:12&detect_language=true', {
      body: fixture('speech.mp3'),
      headers: { 'x-request-id': 'request-1' },
    })
    const { id } = await routes.ephemeral()
    await finishWith(service.db, { id, seconds: 2, heard: [GREETING], warnings: [clipped] })
    const { status, body } = await response
    const sha256 = new Bun.CryptoHasher('sha256').update(await fixture('speech.mp3').bytes()).digest('hex')
    expect(status).toBe(200)
    expect(body).toEqual({
      metadata: {
        transaction_key: 'deprecated',
        request_id: 'request-1',
        sha256,
        created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        duration: 2,
        channels: 1,
        models: ['scripted'],
        model_info: { scripted: { name: 'scripted', version: '', arch: 'sidecar' } },
        warnings: [clipped],
        tags: ['a', 'b'],
        extra: { room: '12' },
      },
      results: {
        channels: [
          {
            alternatives: [
              {
                transcript: 'Hello, Ada! How are you?',
                confidence: expect.closeTo(0.62),
                words: [
                  { word: 'hello', start: 0, end: 0.4, confidence: 0.9, punctuated_word: 'Hello,' },
                  { word: 'ada', start: 0.4, end: 0.6, confidence: 0.7, punctuated_word: 'Ada!' },
                  { word: 'how', start: 1.6, end: 1.7, confidence: 0.5, punctuated_word: 'How' },
                  { word: 'are', start: 1.7, end: 1.8, confidence: 0.5, punctuated_word: 'are' },
                  { word: 'you', start: 1.8, end: 2, confidence: 0.5, punctuated_word: 'you?' },
                ],
              },
            ],
            detected_language: 'en',
          },
        ],
      },
    })
    await expectNothingLeft()
  })

  test.each([
    ['', ['Hello, Ada!', 'How are you?']],
    ['&utt_split=1.5', ['Hello, Ada! How are you?']],
  ])('utterances are split at pauses: utterances=true%s', async (query, expected) => {
    const response = send(`utterances=true&paragraphs=true${query}`)
    const { id } = await routes.ephemeral()
    await finishWith(service.db, { id, seconds: 2, heard: [GREETING] })
    const { body } = await response
    const utterances = expected.map((transcript) => expect.objectContaining({ transcript, channel: 0 }))
    const paragraph = {
      num_words: 5,
      start: 0,
      end: 2,
      sentences: [
        { text: 'Hello, Ada!', start: 0, end: 0.6 },
        { text: 'How are you?', start: 1.6, end: 2 },
      ],
    }
    expect(body).toMatchObject({
      results: {
        utterances,
        channels: [
          {
            alternatives: [
              { paragraphs: { transcript: 'Hello, Ada! How are you?', paragraphs: [paragraph] } },
            ],
          },
        ],
      },
    })
  })

  test('with multichannel each channel has its transcript, also a silent one', async () => {
    for (const right of [[segmentOf({ text: ' Bye.', start: 0.5, end: 0.8 })], []]) {
      const response = send('multichannel=true&utterances=true', { body: stereoWav(silence, silence) })
      const { id } = await routes.ephemeral()
      await finishWith(service.db, { id, seconds: 2, heard: [GREETING], right })
      const { body } = await response
      const transcripts = ['Hello, Ada! How are you?', right.length > 0 ? 'Bye.' : '']
      expect(body).toMatchObject({
        metadata: { channels: 2 },
        results: {
          channels: transcripts.map((transcript) => ({ alternatives: [{ transcript }] })),
          utterances: [
            { channel: 0, transcript: 'Hello, Ada!' },
            ...(right.length > 0 ? [{ channel: 1, transcript: 'Bye.' }] : []),
            { channel: 0, transcript: 'How are you?' },
          ],
        },
      })
    }
  })

  test('words without probabilities or times of their own are present', async () => {
    const response = send()
    const { id } = await routes.ephemeral()
    const heard = [
      segmentOf({ text: ' Hello Ada', start: 0, end: 1 }),
      segmentOf({ text: '你好世界。', start: 1, end: 2, avgLogprob: Math.log(0.25) }),
    ]
    await finishWith(service.db, { id, seconds: 2, heard })
    expect((await response).body).toMatchObject({
      results: {
        channels: [
          {
            alternatives: [
              {
                words: [
                  { word: 'hello', start: 0, confidence: 0 },
                  { word: 'ada', end: 1, confidence: 0 },
                  { word: '你好', start: 1, confidence: expect.closeTo(0.25) },
                  { word: '世界', end: 2, punctuated_word: '世界。' },
                ],
              },
            ],
          },
        ],
      },
    })
  })

  test('the audio is downloaded from a URL in JSON', async () => {
    const json = (url: unknown) =>
      send('', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url }) })
    const response = json(`${routes.recordings}/speech.mp3`)
    const { id, codec } = await routes.ephemeral()
    expect(codec).toBe('mp3')
    await finishWith(service.db, { id, seconds: 2, heard: [GREETING] })
    expect(await response).toMatchObject({ status: 200 })
    expect(await json(`${routes.recordings}/none`)).toMatchObject({
      status: 502,
      body: {
        err_code: 'REMOTE_CONTENT_ERROR',
        err_msg: 'The host of url responded with status 404; it must be 200',
      },
    })
    expect(await json('http://192.168.0.1/x')).toMatchObject({
      status: 400,
      body: { err_code: 'REMOTE_CONTENT_ERROR' },
    })
    await expectNothingLeft()
  })

  test.each(['Token', 'token', 'Bearer'])('an API key is accepted as %s', async (scheme) => {
    const made = await ada.post('/api/auth/keys', { name: 'mine', scopes: ['write'] })
    const authorization = `${scheme} ${textAt(made.body, 'key')}`
    const response = anyone.ask('/deepgram/v1/listen', {
      method: 'POST',
      headers: { authorization },
      body: fixture('speech.mp3'),
    })
    const row = await routes.ephemeral()
    await cancelOwned(service.db, row)
    expect(await response).toMatchObject({ status: 409 })
  })

  test.each([
    'summarize=v2',
    'sentiment=true',
    'topics=true',
    'intents=true',
    'detect_entities=true',
    'redact=pci',
    'search=hello',
    'translate=es',
    'profanity_filter=true',
    'filler_words=true',
    'alternatives=3',
    'constructor=1',
    'model=flux-general-en',
    'punctuate=maybe',
    'utt_split=-1',
    'extra=none',
    'keywords=Ada:-2',
    'detect_language=jp',
    'language=jp',
    'track=first',
  ])('?%s is refused by name', async (query) => {
    const [name = ''] = query.split('=')
    const expected = name === 'detect_language' ? 'language' : name
    expect(await send(query)).toMatchObject({
      status: 400,
      body: {
        err_code: 'Bad Request',
        err_msg: expect.stringMatching(new RegExp(`^"?${expected}"? is `)),
        request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    })
    await expectNothingLeft()
  })

  test('each error has Deepgram’s body, with the id of the request', async () => {
    for (const [response, status, code] of [
      [anyone.ask('/deepgram/v1/listen', { method: 'POST' }), 401, 'INVALID_AUTH'],
      [ada.ask('/deepgram/v1/speak', { method: 'POST' }), 404, 'NOT_FOUND'],
      [ada.ask('/deepgram/v1/listen'), 405, 'METHOD_NOT_ALLOWED'],
      [send('', {}), 400, 'Bad Request'],
      [send('', { body: 'no audio' }), 400, 'Bad Request'],
      [send('', { body: new Uint8Array(100) }), 415, 'UNSUPPORTED_TYPE'],
    ] as const) {
      const { headers, ...answer } = await response
      expect(answer).toMatchObject({ status, body: { err_code: code, err_msg: expect.any(String) } })
      expect(textAt(answer.body, 'request_id')).toBe(headers.get('x-request-id') ?? '')
    }
    const response = send()
    const { id } = await routes.ephemeral()
    await fail(service.db, { id, code: 'corrupt', message: 'The audio is broken' })
    expect(await response).toMatchObject({
      status: 400,
      body: { err_code: 'Bad Request', err_msg: 'The audio is broken' },
    })
    await expectNothingLeft()
  })

  test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
})
