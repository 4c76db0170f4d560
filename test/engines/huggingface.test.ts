import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { SpanRequest } from '../../src/engines/engine.ts'
import { EngineOverloaded } from '../../src/engines/engine.ts'
import { HUGGINGFACE_MODEL, huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { engineError } from './engine-error.ts'
import { spanOf } from './span.ts'

const TOKEN = 'hf_abcdefghijklmnop'

type Asked = {
  path: string
  authorization: string | null
  contentType: string | null
  body: Record<string, unknown>
}

let asked: Asked[] = []
let answers: (() => Response | Promise<Response>)[] = []

/**
 * Answers as the hub, its router and a dedicated endpoint do; what an inference request gets is the next of
 * `answers`.
 */
let server: Bun.Server<undefined>
let origin: string
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith('/api/models/')) {
        if (pathname.includes('gone'))
          return Response.json({ error: 'Repository not found' }, { status: 404 })
        const providerId = 'whisper-at-the-provider'
        const entry = { status: 'live', task: 'automatic-speech-recognition', providerId }
        return Response.json({ inferenceProviderMapping: { 'hf-inference': entry, together: entry } })
      }
      const contentType = request.headers.get('content-type')
      const body: Record<string, unknown> = contentType?.startsWith('multipart/')
        ? Object.fromEntries(await request.formData())
        : Object(await request.json())
      asked.push({ path: pathname, authorization: request.headers.get('authorization'), contentType, body })
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      return answer?.() ?? new Response(null, { status: 500 })
    },
  })
  origin = server.url.origin
})
afterAll(() => server.stop(true))

/** Sends what is meant for the hub and its router to the local server. */
function throughLocal(url: string | URL | Request, init?: RequestInit) {
  const meant = new URL(url instanceof Request ? url.url : url)
  return fetch(`${origin}${meant.pathname}${meant.search}`, init)
}

function hosted(options: Partial<Parameters<typeof huggingfaceEngine>[0]> = {}) {
  return huggingfaceEngine({ token: TOKEN, fetch: throughLocal, ...options })
}

function answering(...replies: (() => Response | Promise<Response>)[]) {
  asked = []
  answers = replies
}

const transcript = (reply: unknown) => () => Response.json(reply)

async function segmentsFor(reply: unknown, span: Partial<SpanRequest> = {}) {
  answering(transcript(reply))
  const { segments } = await hosted().transcribe(spanOf(span))
  return segments.map(({ start, end, text, language }) => ({ start, end, text, language }))
}

test('sends audio, language and timestamps to the model on the hub, with the token', async () => {
  answering(transcript({ text: 'Hola.', chunks: [{ text: 'Hola.', timestamp: [0.5, 1.5] }] }))
  const result = await hosted().transcribe(spanOf({ language: 'es', task: 'translate' }))
  expect(result.model).toBe(HUGGINGFACE_MODEL)
  const [request] = asked
  expect(request?.path).toBe('/hf-inference/models/whisper-at-the-provider')
  expect(request?.authorization).toBe(`Bearer ${TOKEN}`)
  expect(request?.contentType).toBe('application/json')
  expect(request?.body).toEqual({
    inputs: expect.any(String),
    parameters: {
      return_timestamps: true,
      generation_parameters: { language: 'es', task: 'translate' },
    },
  })
  const wav = Buffer.from(String(request?.body.inputs), 'base64')
  expect(wav.toString('latin1', 0, 4)).toBe('RIFF')
  expect(wav.length).toBe(44 + 4 * 32_000)
})

test('tells a dedicated endpoint the same in generate_kwargs, and no language when it is to be detected', async () => {
  answering(transcript({ text: 'Hola.', language: 'es' }))
  const engine = huggingfaceEngine({ token: TOKEN, endpointUrl: `${origin}/my-endpoint` })
  const result = await engine.transcribe(spanOf({ language: 'auto' }))
  expect(asked[0]?.path).toBe('/my-endpoint')
  expect(asked[0]?.body.parameters).toEqual({ return_timestamps: true })
  expect(result.segments.map((segment) => segment.language)).toEqual(['es'])
  await engine.transcribe(spanOf({ language: 'fr' }))
  expect(asked[1]?.body).toMatchObject({ parameters: { generate_kwargs: { language: 'fr' } } })
})

test("speaks another provider's own fields", async () => {
  answering(transcript({ text: ' Hi.', segments: [{ text: ' Hi.', start: 1, end: 2 }] }))
  const { segments } = await hosted({ provider: 'together', model: 'some/whisper' }).transcribe(spanOf())
  expect(asked[0]?.body).toMatchObject({
    language: 'en',
    response_format: 'verbose_json',
    file: expect.any(Blob),
  })
  expect(segments).toMatchObject([{ start: 1, end: 2, text: ' Hi.', language: 'en' }])
})

test('reads every shape of a transcript into segments within the span', async () => {
  expect(await segmentsFor({ text: ' All of it.' })).toEqual([
    { start: 0, end: 4, text: ' All of it.', language: 'en' },
  ])
  expect(await segmentsFor({ text: 'A B', chunks: [] })).toHaveLength(1)
  expect(await segmentsFor({ text: '', chunks: [] })).toEqual([])
  expect(await segmentsFor({ text: '  ' })).toEqual([])
  const chunks = [
    { text: ' One', timestamp: [0, null] },
    { text: ' two', timestamp: [1.5, 2] },
    { text: ' three.', timestamp: [2, null] },
    { text: ' four.', timestamp: [5, 29.98] },
  ]
  expect(await segmentsFor({ text: ' One two three. four.', chunks }, { language: 'auto' })).toEqual([
    { start: 0, end: 1.5, text: ' One', language: null },
    { start: 1.5, end: 2, text: ' two', language: null },
    { start: 2, end: 4, text: ' three.', language: null },
    { start: 4, end: 4, text: ' four.', language: null },
  ])
})

test.each<[number, ErrorCode, RegExp]>([
  [401, 'engine_misconfigured', /HF_TOKEN/],
  [403, 'engine_misconfigured', /HF_TOKEN/],
  [402, 'engine_misconfigured', /credit/],
  [404, 'engine_misconfigured', /openai\/whisper-large-v3-turbo.*HF_MODEL/],
  [410, 'engine_misconfigured', /HF_MODEL/],
  [400, 'engine_rejected', /said so/],
  [413, 'engine_rejected', /said so/],
  [422, 'engine_rejected', /said so/],
  [429, 'engine_overloaded', /said so/],
  [500, 'engine_unavailable', /said so/],
  [503, 'engine_unavailable', /said so/],
  [504, 'engine_unavailable', /said so/],
])('a %i is %s, asked once, without the token in it', async (status, code, sentence) => {
  answering(() => Response.json({ error: `The hub said so to ${TOKEN}` }, { status }))
  const error = await engineError(hosted().transcribe(spanOf()))
  expect(error.code).toBe(code)
  expect(error.message).toMatch(sentence)
  expect(Bun.inspect(error)).not.toContain(TOKEN)
  expect(asked).toHaveLength(1)
})

test('a model that the hub does not know, or has no provider for, is named', async () => {
  answering(transcript({ text: '' }))
  const gone = await engineError(hosted({ model: 'me/gone' }).transcribe(spanOf()))
  expect(gone.code).toBe('engine_misconfigured')
  expect(gone.message).toContain('me/gone')
  const elsewhere = await engineError(
    hosted({ provider: 'replicate', model: 'me/here' }).transcribe(spanOf()),
  )
  expect(elsewhere.code).toBe('engine_misconfigured')
  expect(elsewhere.message).toMatch(/me\/here.*HF_PROVIDER/)
  expect(asked).toEqual([])
})

test('a model that the provider does not serve is the operator’s to change, though the hub answers 400', async () => {
  answering(() => Response.json({ error: 'Model x not supported by provider hf-inference' }, { status: 400 }))
  expect((await engineError(hosted().transcribe(spanOf()))).code).toBe('engine_misconfigured')
})

test('a 429 says when to come back', async () => {
  const overloaded = async (headers: Record<string, string>) => {
    answering(() => Response.json({ error: 'slow down' }, { status: 429, headers }))
    const error = await engineError(hosted().transcribe(spanOf()))
    return error instanceof EngineOverloaded ? error.retryAfterSeconds : null
  }
  expect(await overloaded({ 'retry-after': '17' })).toBe(17)
  expect(await overloaded({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })).toBeWithin(50, 61)
  expect(await overloaded({})).toBeGreaterThan(0)
})

test('a generation that failed is tried again; one that always fails is refused for good', async () => {
  const failed = () => Response.json({ error: 'out of memory', error_type: 'generation' }, { status: 424 })
  answering(failed, transcript({ text: 'Second time.' }))
  expect((await hosted().transcribe(spanOf())).segments).toHaveLength(1)
  answering(failed)
  expect((await engineError(hosted().transcribe(spanOf()))).code).toBe('engine_rejected')
  expect(asked).toHaveLength(3)
})

test.each([
  ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['broken JSON', () => new Response('{"text": ', { headers: { 'content-type': 'application/json' } })],
  ['an error with status 200', () => Response.json({ error: 'no' })],
  ['a list', () => Response.json([{ text: 'no' }])],
  ['times that are none', () => Response.json({ text: 'a', chunks: [{ text: 'a', timestamp: ['0', '1'] }] })],
])('%s instead of a transcript is engine_unavailable', async (_, reply) => {
  answering(reply)
  expect((await engineError(hosted().transcribe(spanOf()))).code).toBe('engine_unavailable')
})

test('nobody there, or no answer in time, is engine_unavailable', async () => {
  const nobody = huggingfaceEngine({ token: TOKEN, endpointUrl: 'http://127.0.0.1:9/' })
  expect((await engineError(nobody.transcribe(spanOf()))).code).toBe('engine_unavailable')
  answering(() => new Promise<Response>(() => {}))
  const late = await engineError(hosted({ deadlineSeconds: 0.2 }).transcribe(spanOf()))
  expect(late.code).toBe('engine_unavailable')
  expect(late.message).toContain('0.2 s')
})

test('says what is missing, and that a refused token must be set right', async () => {
  const unset = huggingfaceEngine({})
  expect(unset.state()).toEqual({ ready: false, detail: expect.stringContaining('HF_TOKEN') })
  expect((await engineError(unset.transcribe(spanOf()))).code).toBe('engine_misconfigured')
  answering(
    () => Response.json({ error: 'Invalid credentials' }, { status: 401 }),
    transcript({ text: 'ok' }),
  )
  const engine = hosted()
  await engine.whenReady(AbortSignal.timeout(1000))
  await engineError(engine.transcribe(spanOf()))
  expect(engine.state()).toEqual({ ready: false, detail: expect.stringContaining('HF_TOKEN') })
  await engine.transcribe(spanOf())
  expect(engine.state().ready).toBe(true)
  await engine.close()
})

test('an English-only model is not told its language, and takes no other', async () => {
  answering(transcript({ text: 'ok' }))
  const engine = hosted({ model: 'openai/whisper-base.en' })
  await engine.transcribe(spanOf())
  expect(asked[0]?.body.parameters).toEqual({ return_timestamps: true })
  expect((await engineError(engine.transcribe(spanOf({ language: 'de' })))).code).toBe('engine_rejected')
})
