import { afterAll, describe, expect, test } from 'bun:test'
import { EngineOverloaded, type SpanRequest } from '../../src/engines/engine.ts'
import { openaiEngine } from '../../src/engines/openai/openai.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { engineError } from './engine-error.ts'
import type { Heard } from './hosted-shapes.ts'
import { KEY, openaiServer, SHAPES, type ShapeName } from './openai-server.ts'
import { spanOf } from './span.ts'

const HEARD: Heard = {
  text: ' Good morning. It’s “late”, said Ada.',
  language: 'en',
  segments: [
    { start: 0, end: 1.5, text: ' Good morning.' },
    { start: 1.5, end: 3.5, text: ' It’s “late”, said Ada.' },
  ],
}
const names = Object.keys(SHAPES) as ShapeName[]
const servers = new Map(names.map((name) => [name, openaiServer(name, { hear: async () => HEARD })]))
afterAll(() => {
  for (const server of servers.values()) server.stop()
})

function at(name: ShapeName) {
  const server = servers.get(name)
  if (!server) throw new Error(name)
  return server
}

const openai = at('whisper-1 of OpenAI')
const engine = (options: Parameters<typeof openaiEngine>[0] = {}) =>
  openaiEngine({ ...openai.options, ...options })

/** The fields of the last request that the server took. */
async function fieldsAfter(name: ShapeName, span: Partial<SpanRequest>) {
  at(name).answering()
  const result = await openaiEngine(at(name).options).transcribe(spanOf(span))
  return { fields: at(name).asked().at(-1)?.fields, requests: at(name).asked().length, ...result }
}

describe('each server receives the fields that it takes, and its transcript is read', () => {
  const both = [
    { start: 0, end: 1.5, text: ' Good morning.', language: 'en' },
    { start: 1.5, end: 3.5, text: ' It’s “late”, said Ada.', language: 'en' },
  ]
  const whole = [{ start: 0, end: 4, text: HEARD.text, language: 'en' }]

  test.each<[ShapeName, Record<string, string[]>, number, typeof both]>([
    ...(['whisper-1 of OpenAI', 'Groq', 'vLLM'] as const).map(
      (name): [ShapeName, Record<string, string[]>, number, typeof both] => [
        name,
        { response_format: ['verbose_json'], language: ['en'], 'timestamp_granularities[]': ['segment'] },
        1,
        both,
      ],
    ),
    ['gpt-4o-transcribe of OpenAI', { language: ['en'] }, 3, whole],
    ['vLLM before it had segments', { language: ['en'], 'timestamp_granularities[]': ['segment'] }, 2, whole],
    ['Mistral', { language: ['en'] }, 1, whole],
  ])('%s', async (name, expected, count, segments) => {
    const { fields, requests, segments: read } = await fieldsAfter(name, {})
    expect(fields).toEqual(expected)
    expect(requests).toBe(count)
    expect(read.map(({ start, end, text, language }) => ({ start, end, text, language }))).toEqual(segments)
  })

  test('a field that was refused once is not sent again, also by spans that were on their way', async () => {
    const server = at('gpt-4o-transcribe of OpenAI')
    server.answering()
    const one = openaiEngine(server.options)
    await Promise.all([one.transcribe(spanOf()), one.transcribe(spanOf())])
    const before = server.asked().length
    await one.transcribe(spanOf())
    expect(server.asked().length).toBe(before + 1)
  })

  test('Mistral gets granularities instead of a language that nobody chose, and keywords as terms', async () => {
    const span = { isLanguageHint: true, keywords: ['ComfyUI', 'New York'] }
    const { fields, segments, model } = await fieldsAfter('Mistral', span)
    expect(fields).toEqual({
      timestamp_granularities: ['segment'],
      context_bias: ['ComfyUI', 'New_York'],
    })
    expect(segments).toHaveLength(2)
    expect(model).toBe('voxtral-mini-2602')
  })

  test('prompt and keywords become the prompt; `auto` names no language', async () => {
    const { fields } = await fieldsAfter('whisper-1 of OpenAI', {
      language: 'auto',
      prompt: 'A talk.',
      keywords: ['Kubeflow', 'Ada'],
    })
    expect(fields).toMatchObject({ prompt: ['A talk. Kubeflow, Ada'] })
    expect(fields).not.toHaveProperty('language')
  })

  test('a translation goes to /audio/translations, and is English', async () => {
    const { fields, segments } = await fieldsAfter('whisper-1 of OpenAI', {
      language: 'de',
      task: 'translate',
    })
    expect(openai.asked().at(-1)?.path).toBe('/v1/audio/translations')
    expect(fields).toEqual({ response_format: ['verbose_json'] })
    expect(segments.map(({ language }) => language)).toEqual(['en', 'en'])
  })

  test('words have the spaces and punctuation of the text, and belong to their segment', async () => {
    const { segments } = await fieldsAfter('whisper-1 of OpenAI', { words: true })
    expect(segments.map(({ words }) => words?.map(({ word }) => word))).toEqual([
      [' Good', ' morning.'],
      [' It’s', ' “late”,', ' said', ' Ada.'],
    ])
  })
})

async function read(reply: unknown, span: Partial<SpanRequest> = {}) {
  openai.answering(() => Response.json(reply))
  return (await engine().transcribe(spanOf({ language: 'auto', words: true, ...span }))).segments
}

test('languages are read as names and as codes', async () => {
  const languages = ['german', 'German', 'de', 'de-CH', 'haitian creole', 'klingon', 7, undefined]
  const codes: unknown[] = []
  for (const language of languages) codes.push((await read({ text: 'a', language }))[0]?.language)
  expect(codes).toEqual(['de', 'de', 'de', 'de', 'ht', null, null, null])
})

test('words that the text writes differently belong to segments by time', async () => {
  const segments = await read({
    text: ' It costs $5. Yes.',
    segments: [
      { start: 0, end: 2, text: ' It costs $5.' },
      { start: 2, end: 3, text: ' Yes.' },
    ],
    words: [
      { word: 'It', start: 0, end: 0.5 },
      { word: 'costs', start: 0.5, end: 1 },
      { word: 'five', start: 1, end: 1.5 },
      { word: 'dollars', start: 1.5, end: 2 },
      { word: 'Yes', start: 2.2, end: 2.6 },
    ],
  })
  expect(segments.map(({ words }) => words?.map(({ word }) => word).join(''))).toEqual([
    ' It costs five dollars',
    ' Yes',
  ])
})

test('numbers that a server does not know are null, and text in silence is no speech', async () => {
  const unknown = { avg_logprob: -1, compression_ratio: -1, no_speech_prob: -1 }
  const invented = { avg_logprob: -1.3, compression_ratio: 1, no_speech_prob: 0.9 }
  const segments = await read({
    text: ' Yes. Thank you.',
    segments: [
      { start: 0, end: 1, text: ' Yes.', ...unknown },
      { start: 1, end: 2, text: ' Thank you.', ...invented },
    ],
  })
  expect(segments).toEqual([
    expect.objectContaining({ text: ' Yes.', avgLogprob: null, compressionRatio: null, noSpeechProb: null }),
  ])
})

const error = (message: string, code: string | null = null) => ({ error: { message, code } })

test.each<[number, object | string, ErrorCode, RegExp]>([
  [
    401,
    error(`Incorrect API key provided: ${KEY}`, 'invalid_api_key'),
    'engine_misconfigured',
    /OPENAI_API_KEY/,
  ],
  [403, error('Country not supported'), 'engine_misconfigured', /not supported.*OPENAI_API_KEY/],
  [402, error('Payment required'), 'engine_misconfigured', /credit/],
  [429, error('You exceeded your current quota', 'insufficient_quota'), 'engine_misconfigured', /credit/],
  [429, error('Rate limit reached', 'rate_limit_exceeded'), 'engine_overloaded', /Rate limit/],
  [404, error('The model `x` does not exist', 'model_not_found'), 'engine_misconfigured', /OPENAI_MODEL/],
  [404, '<html>Not Found</html>', 'engine_misconfigured', /OPENAI_BASE_URL/],
  [308, '', 'engine_misconfigured', /redirects/],
  [413, error('Request Entity Too Large'), 'engine_rejected', /Too Large/],
  [400, error('Audio file is too short'), 'engine_rejected', /too short/],
  [422, { detail: [{ loc: ['body', 'file'], msg: 'bad audio' }] }, 'engine_rejected', /: bad audio$/],
  [498, error('Flex tier capacity exceeded'), 'engine_overloaded', /capacity/],
  [503, '', 'engine_overloaded', /503/],
  [500, error('The server had an error'), 'engine_unavailable', /had an error/],
])('a %i with %o is %s, asked once, without the key in it', async (status, body, code, sentence) => {
  const headers = { location: 'https://elsewhere.example/', 'retry-after': '7' }
  openai.answering(
    () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers }),
  )
  const one = engine()
  const thrown = await engineError(one.transcribe(spanOf()))
  expect(thrown.code).toBe(code)
  expect(thrown.message).toMatch(sentence)
  expect(Bun.inspect(thrown)).not.toContain(KEY)
  expect(openai.asked()).toHaveLength(1)
  if (thrown instanceof EngineOverloaded) expect(thrown.retryAfterSeconds).toBe(7)
  expect(one.state().ready).toBe(code !== 'engine_misconfigured' && status !== 503 && status !== 498)
  await one.close()
})

test('a server that only transcribes rejects a translation, and still gets other spans', async () => {
  openai.answering(() => Response.json(error('Not Found'), { status: 404 }))
  const one = engine()
  expect((await engineError(one.transcribe(spanOf({ task: 'translate' })))).code).toBe('engine_rejected')
  expect(one.state().ready).toBe(true)
})

test.each([
  ['a page', () => new Response('<html>')],
  ['an error with status 200', () => Response.json({ error: 'no' })],
  [
    'times that are none',
    () => Response.json({ text: 'a', segments: [{ start: '0', end: '1', text: 'a' }] }),
  ],
  ['deep JSON', () => new Response(`{"text": ${'['.repeat(5000)}${']'.repeat(5000)}}`)],
])('%s instead of a transcript is engine_unavailable', async (_, reply) => {
  openai.answering(reply)
  expect((await engineError(engine().transcribe(spanOf()))).code).toBe('engine_unavailable')
})

test('a timeout, a lost connection and an unreachable server are named', async () => {
  openai.answering(() => new Promise<Response>(() => {}))
  const late = await engineError(engine({ deadlineSeconds: 0.2 }).transcribe(spanOf()))
  expect(late).toMatchObject({ code: 'engine_unavailable', message: expect.stringContaining('0.2 s') })
  const nobody = openaiEngine({ baseUrl: 'http://127.0.0.1:9/v1' })
  const away = await engineError(nobody.transcribe(spanOf()))
  expect(away).toBeInstanceOf(EngineOverloaded)
  expect(nobody.state()).toEqual({ ready: false, detail: away.message })
  await nobody.close()
})

test('OpenAI needs a key; other servers may go without', async () => {
  const keyless = openaiEngine({})
  expect(keyless.state()).toEqual({ ready: false, detail: expect.stringContaining('OPENAI_API_KEY') })
  expect((await engineError(keyless.transcribe(spanOf()))).code).toBe('engine_misconfigured')
  expect(openaiEngine({ baseUrl: 'http://127.0.0.1:9/v1/' }).state().ready).toBe(true)
})
