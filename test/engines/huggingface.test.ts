import { afterAll, expect, test } from 'bun:test'
import type { SpanRequest } from '../../src/engines/engine.ts'
import { EngineOverloaded } from '../../src/engines/engine.ts'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { engineError } from './engine-error.ts'
import { hostedServer, TOKEN } from './hosted-server.ts'
import { endpoint, MODEL } from './hosted-shapes.ts'
import { spanOf } from './span.ts'

const server = hostedServer({ hear: async () => ({ text: '', language: 'en', segments: [] }) })
afterAll(() => server.stop())
const { answering, asked } = server

function hosted(options: Partial<Parameters<typeof huggingfaceEngine>[0]> = {}) {
  return huggingfaceEngine({ token: TOKEN, fetch: server.fetch, ...options })
}

const atEndpoint = { endpointUrl: `https://${endpoint.at}` }
const transcript = (reply: unknown) => () => Response.json(reply)

async function segmentsFor(reply: unknown, span: Partial<SpanRequest> = {}) {
  answering(transcript(reply))
  const { segments } = await hosted().transcribe(spanOf(span))
  return segments.map(({ start, end, text, language }) => ({ start, end, text, language }))
}

test('each provider receives the span’s options in its own form', async () => {
  for (const options of [{}, { provider: 'fal-ai' as const }, atEndpoint]) {
    answering()
    await hosted(options).transcribe(spanOf({ language: 'es', task: 'translate' }))
    await hosted(options).transcribe(spanOf({ language: 'auto' }))
    expect(asked()).toEqual([
      { wav: expect.any(Uint8Array), language: 'es', task: 'translate', timestamps: true },
      { wav: expect.any(Uint8Array), language: null, task: 'transcribe', timestamps: true },
    ])
    const [wav] = asked().map((one) => Buffer.from(one.wav))
    expect(wav?.toString('latin1', 0, 4)).toBe('RIFF')
    expect(wav?.length).toBe(44 + 4 * 32_000)
  }
  for (const provider of ['together', 'deepinfra'] as const) {
    answering()
    await hosted({ provider }).transcribe(spanOf({ language: 'es' }))
    await hosted({ provider }).transcribe(spanOf({ language: 'auto' }))
    expect(asked().map(({ language }) => language)).toEqual(['es', null])
    const translating = hosted({ provider }).transcribe(spanOf({ task: 'translate' }))
    expect((await engineError(translating)).code).toBe('engine_rejected')
  }
})

test('the result names the model', async () => {
  answering()
  expect((await hosted().transcribe(spanOf())).model).toBe(MODEL)
  expect((await hosted(atEndpoint).transcribe(spanOf())).model).toBe(
    'my-endpoint.endpoints.huggingface.cloud',
  )
  answering(transcript({ text: 'Hola.', language: 'es', model: 'whisper-base' }))
  const { model, segments } = await hosted(atEndpoint).transcribe(spanOf({ language: 'auto' }))
  expect(model).toBe('whisper-base')
  expect(segments.map(({ language }) => language)).toEqual(['es'])
})

test('every response format is read into segments within the span', async () => {
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

const said = { error: `The hub said so to ${TOKEN}` }

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
  [503, 'engine_overloaded', /said so/],
  [504, 'engine_unavailable', /said so/],
])('a %i is %s, asked once, without the token in it', async (status, code, sentence) => {
  answering(() => Response.json(said, { status }))
  const error = await engineError(hosted().transcribe(spanOf()))
  expect(error.code).toBe(code)
  expect(error.message).toMatch(sentence)
  expect(Bun.inspect(error)).not.toContain(TOKEN)
  expect(asked()).toHaveLength(1)
})

const falAi = { provider: 'fal-ai' as const }
const together = { provider: 'together' as const }

test.each<[object, number, object | string, ErrorCode, RegExp]>([
  [atEndpoint, 401, { error: '401 Unauthorized', code: 'UNAUTHORIZED' }, 'engine_misconfigured', /HF_TOKEN/],
  [atEndpoint, 404, '', 'engine_misconfigured', /HF_ENDPOINT_URL/],
  [
    atEndpoint,
    400,
    { error: 'Bad Request: The endpoint is paused, ask a maintainer to restart it', code: 'BAD_REQUEST' },
    'engine_misconfigured',
    /paused.*Resume it/,
  ],
  [atEndpoint, 413, { message: 'too big', code: 413, type: 'Validation' }, 'engine_rejected', /too big/],
  [atEndpoint, 502, '<html>Bad Gateway</html>', 'engine_unavailable', /502.*Bad Gateway/],
  [
    falAi,
    422,
    { detail: [{ loc: ['body', 'audio_url'], msg: 'Unsupported data URL', type: 'value_error' }] },
    'engine_rejected',
    /: Unsupported data URL$/,
  ],
  [
    falAi,
    403,
    { detail: 'User is locked. Reason: Exhausted balance.' },
    'engine_misconfigured',
    /balance.*credit/,
  ],
  [
    together,
    402,
    { error: { message: 'Credit limit exceeded', type: 'credit_limit' } },
    'engine_misconfigured',
    /limit exceeded.*credit/,
  ],
  [
    together,
    429,
    { error: { message: 'Rate limited', type: 'rate_limit' } },
    'engine_overloaded',
    /: Rate limited$/,
  ],
  [together, 500, { error: { message: 'Oh no' } }, 'engine_unavailable', /: Oh no$/],
])('what %o says with a %i is understood: %o', async (options, status, body, code, sentence) => {
  answering(() => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }))
  const error = await engineError(hosted(options).transcribe(spanOf()))
  expect(error.message).toMatch(sentence)
  expect(error.code).toBe(code)
})

test('while a model loads or an endpoint starts, no span is sent and none fails', async () => {
  const starting = async (options: object, body: object, headers = {}) => {
    answering(() => Response.json(body, { status: 503, headers }))
    const engine = hosted(options)
    const error = await engineError(engine.transcribe(spanOf()))
    expect(engine.state()).toEqual({ ready: false, detail: error.message })
    await engine.close()
    return error instanceof EngineOverloaded ? error.retryAfterSeconds : null
  }
  const loading = { error: `Model ${MODEL} is currently loading`, estimated_time: 20.5 }
  expect(await starting({}, loading)).toBe(20.5)
  expect(await starting({}, { ...loading, estimated_time: 600 })).toBe(60)
  const zero = { error: '503 Service Unavailable', code: 'SERVICE_UNAVAILABLE' }
  expect(await starting(atEndpoint, zero)).toBeGreaterThan(0)
  expect(await starting(atEndpoint, zero, { 'retry-after': '7' })).toBe(7)

  answering(
    () => Response.json(zero, { status: 503, headers: { 'retry-after': '0.05' } }),
    transcript({ text: 'up' }),
  )
  const engine = hosted(atEndpoint)
  await engineError(engine.transcribe(spanOf()))
  await engine.whenReady(AbortSignal.timeout(5000))
  expect((await engine.transcribe(spanOf())).segments).toHaveLength(1)
})

test('an error names the model that is unknown or has no provider', async () => {
  answering(transcript({ text: '' }))
  const gone = await engineError(hosted({ models: ['me/gone'] }).transcribe(spanOf()))
  expect(gone.code).toBe('engine_misconfigured')
  expect(gone.message).toContain('me/gone')
  const elsewhere = await engineError(
    hosted({ provider: 'replicate', models: ['me/here'] }).transcribe(spanOf()),
  )
  expect(elsewhere.code).toBe('engine_misconfigured')
  expect(elsewhere.message).toMatch(/me\/here.*HF_PROVIDER/)
  expect(asked()).toEqual([])
})

test('a model that the provider does not serve is engine_misconfigured', async () => {
  answering(() => Response.json({ error: 'Model x not supported by provider hf-inference' }, { status: 400 }))
  expect((await engineError(hosted().transcribe(spanOf()))).code).toBe('engine_misconfigured')
})

test('a 429 has the time to retry after', async () => {
  const overloaded = async (headers: Record<string, string>) => {
    answering(() => Response.json({ error: 'slow down' }, { status: 429, headers }))
    const error = await engineError(hosted().transcribe(spanOf()))
    return error instanceof EngineOverloaded ? error.retryAfterSeconds : null
  }
  expect(await overloaded({ 'retry-after': '17' })).toBe(17)
  expect(await overloaded({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })).toBeWithin(50, 61)
  expect(await overloaded({})).toBeGreaterThan(0)
})

test('a failed generation is retried; the third failure is engine_rejected', async () => {
  const failed = () => Response.json({ error: 'out of memory', error_type: 'generation' }, { status: 424 })
  answering(failed, transcript({ text: 'Second time.' }))
  expect((await hosted().transcribe(spanOf())).segments).toHaveLength(1)
  answering(failed)
  expect((await engineError(hosted().transcribe(spanOf()))).code).toBe('engine_rejected')
  expect(asked()).toHaveLength(3)
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

test('if the API is unreachable, no span is sent for a while and none fails', async () => {
  const nobody = huggingfaceEngine({ token: TOKEN, endpointUrl: 'http://127.0.0.1:9/' })
  const error = await engineError(nobody.transcribe(spanOf()))
  expect(error).toBeInstanceOf(EngineOverloaded)
  expect(error.message).toContain('http://127.0.0.1:9/')
  expect(nobody.state()).toEqual({ ready: false, detail: error.message })
  await nobody.close()
})

test('a timeout and a truncated response are engine_unavailable', async () => {
  const dying = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket) => socket.terminate() },
  })
  const cut = hosted({ endpointUrl: `http://127.0.0.1:${dying.port}/`, fetch })
  expect((await engineError(cut.transcribe(spanOf()))).code).toBe('engine_unavailable')
  dying.stop(true)
  answering(() => new Promise<Response>(() => {}))
  const late = await engineError(hosted({ deadlineSeconds: 0.2 }).transcribe(spanOf()))
  expect(late.code).toBe('engine_unavailable')
  expect(late.message).toContain('0.2 s')
})

test('a missing or refused token is engine_misconfigured', async () => {
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

test('an English-only model receives no language and rejects others', async () => {
  answering(transcript({ text: 'ok' }))
  const engine = hosted({ models: ['openai/whisper-base.en'] })
  await engine.transcribe(spanOf())
  expect(asked()).toMatchObject([{ language: null }])
  expect((await engineError(engine.transcribe(spanOf({ language: 'de' })))).code).toBe('engine_rejected')
})
