import { afterEach, expect, test } from 'bun:test'
import { EngineOverloaded } from '../../src/engines/engine.ts'
import { sidecarEngine } from '../../src/engines/sidecar/sidecar.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { embeddingOf } from '../support/conversation.ts'
import { silence } from '../support/pcm.ts'
import { engineError } from './engine-error.ts'
import { spanOf } from './span.ts'

const segment = {
  start: 0.2,
  end: 1.4,
  text: ' Hello there.',
  language: 'en',
  avg_logprob: -0.2,
  compression_ratio: 1.1,
  no_speech_prob: 0.01,
}
const reply = { text: 'Hello there.', language: 'en', duration: 4, model: 'm', segments: [segment] }

type Answer = (request: Request) => Response | Promise<Response>

const open: { stop: (force: boolean) => unknown }[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop(true)
})

/**
 * A server with a sidecar's surface and errors; `answers` are what /generate says in turn, the last one from
 * then on.
 */
function sidecar(...answers: Answer[]) {
  const asked: Request[] = []
  let healthy = true
  let info: object = { model_id: 'Systran/faster-whisper-base' }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request): Promise<Response> {
      if (new URL(request.url).pathname === '/health') {
        return healthy ? new Response() : Response.json({ error: 'loading' }, { status: 503 })
      }
      if (new URL(request.url).pathname === '/info') return Response.json(info)
      await request.arrayBuffer()
      asked.push(request)
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      return answer?.(request) ?? Response.json(reply)
    },
  })
  open.push(server)
  return {
    asked,
    url: server.url.origin,
    stop: () => server.stop(true),
    runs: (models: object[]) => {
      info = { model_id: 'first', models }
    },
    says: (well: boolean) => {
      healthy = well
    },
  }
}

async function readyEngine(urls: string[], more: { apiKey?: string; deadlineSeconds?: number } = {}) {
  const engine = sidecarEngine({ urls, ...more })
  open.push({ stop: () => engine.close() })
  await engine.whenReady(AbortSignal.timeout(5000))
  return engine
}

function refusal(status: number, error_type: string, headers: Record<string, string> = {}): Answer {
  return () => Response.json({ error: 'the reason', error_type }, { status, headers })
}

test('the request has the span’s hints and quality; of a long prompt its end', async () => {
  const server = sidecar(() => Response.json(reply))
  const engine = await readyEngine([server.url])
  const prompt = `${'🎤'.repeat(100)}${'x'.repeat(999)}`
  const keywords = ['ComfyUI', 'Ada & Co']
  await engine.transcribe(
    spanOf({
      prompt: 'About ComfyUI.',
      keywords,
      quality: 'best',
      language: 'auto',
      languages: ['en', 'de'],
    }),
  )
  await engine.transcribe(spanOf({ prompt }))
  const queries = server.asked.map(({ url }) => Object.fromEntries(new URL(url).searchParams))
  expect(queries[0]).toMatchObject({
    initial_prompt: 'About ComfyUI.',
    hotwords: 'ComfyUI, Ada & Co',
    languages: 'en,de',
    quality: 'best',
  })
  expect(queries[1]).toMatchObject({ initial_prompt: `🎤${'x'.repeat(999)}` })
  expect(queries[1]).not.toHaveProperty('hotwords')
  expect(queries[1]).not.toHaveProperty('languages')
  expect(queries[1]).not.toHaveProperty('quality')
})

test('the request has the span’s options, and the reply is read completely', async () => {
  const words = [{ start: 0.2, end: 0.6, word: ' Hello', probability: 0.9 }]
  const server = sidecar(() => Response.json({ ...reply, segments: [{ ...segment, words }] }))
  const engine = await readyEngine([`${server.url}/`], { apiKey: 'key' })
  const result = await engine.transcribe(spanOf({ language: 'auto', task: 'translate', words: true }))
  const request = server.asked[0]
  const { pathname, searchParams } = new URL(request?.url ?? '')
  expect(pathname).toBe('/generate')
  expect(Object.fromEntries(searchParams)).toEqual({
    ...{ language: 'auto', task: 'translate', details: 'true', words: 'true' },
  })
  expect(request?.headers.get('content-type')).toBe('audio/wav')
  expect(request?.headers.get('authorization')).toBe('Bearer key')
  expect(request?.headers.get('x-share')).toBe('user')
  expect(result).toEqual({
    model: 'm',
    segments: [
      {
        ...{ start: 0.2, end: 1.4, text: ' Hello there.', language: 'en', words },
        ...{ avgLogprob: -0.2, compressionRatio: 1.1, noSpeechProb: 0.01 },
      },
    ],
    detected: null,
  })
})

test.each([
  [
    { detected_language: 'de', detected_language_probability: 0.93 },
    { language: 'de', probability: 0.93 },
  ],
  [{ detected_language: null, detected_language_probability: null }, null],
  [{ detected_language: 'german', detected_language_probability: 0.93 }, null],
  [{ detected_language: 'de', detected_language_probability: 93 }, null],
])('the reply %j has the detected language %j', async (reported, detected) => {
  const engine = await readyEngine([sidecar(() => Response.json({ ...reply, ...reported })).url])
  const result = await engine.transcribe(spanOf())
  expect(result.detected).toEqual(detected)
  expect(result.segments).toHaveLength(1)
})

test('the request has the context of the span, and the reply its speakers', async () => {
  const turns = [
    { voice: 1, start: 1, end: 9 },
    { voice: 0, start: -0.5, end: 1 },
    { voice: 0, start: -2, end: -1 },
    { voice: 7, start: 0, end: 1 },
  ]
  const voices = [1, 0, 2].map((voice) => ({ voice, seconds: 2.5, embedding: embeddingOf(1) }))
  const server = sidecar(() => Response.json({ ...reply, diarization: { turns, voices } }))
  const engine = await readyEngine([server.url])
  const diarize = { before: silence(5), after: silence(1.5) }
  const { diarization, segments } = await engine.transcribe(spanOf({ diarize }))
  const { searchParams } = new URL(server.asked[0]?.url ?? '')
  expect(Object.fromEntries(searchParams)).toMatchObject({
    speakers: 'true',
    context_before: '5',
    context_after: '1.5',
  })
  expect(server.asked[0]?.headers.get('content-length')).toBe(String(44 + 10.5 * BYTES_PER_SECOND))
  expect(segments).toHaveLength(1)
  expect(diarization).toMatchObject({
    turns: [
      { voice: 0, start: 0, end: 1 },
      { voice: 1, start: 1, end: 4 },
    ],
    voices: [{ voice: 0 }, { voice: 1 }],
  })
})

test('a request for the speakers only has no options of a transcription', async () => {
  const server = sidecar(() =>
    Response.json({ ...reply, segments: [], diarization: { turns: [], voices: [] } }),
  )
  const engine = await readyEngine([server.url])
  const diarize = { before: silence(0), after: silence(0) }
  const { diarization } = await engine.transcribe(
    spanOf({ diarize, task: 'diarize', language: 'de', keywords: ['Ada'], quality: 'best' }),
  )
  expect(diarization).toEqual({ turns: [], voices: [] })
  expect(Object.fromEntries(new URL(server.asked[0]?.url ?? '').searchParams)).toEqual({
    task: 'diarize',
    details: 'true',
    speakers: 'true',
    context_before: '0',
    context_after: '0',
  })
})

test.each([
  [{ diarization: null, diarization_error: 'the model is missing' }, 'the model is missing'],
  [{}, 'the sidecar does not tell speakers apart'],
  [
    { diarization: { turns: [], voices: [{ voice: 0, seconds: 1, embedding: [1] }] } },
    'invalid turns or voices',
  ],
  [{ diarization: { turns: 'none', voices: [] } }, 'invalid turns or voices'],
])('%j is a problem, and the text is read', async (answer, problem) => {
  const server = sidecar(() => Response.json({ ...reply, ...answer }))
  const engine = await readyEngine([server.url])
  const result = await engine.transcribe(spanOf({ diarize: { before: silence(0), after: silence(0) } }))
  expect(result.segments).toHaveLength(1)
  expect(result.diarization).toEqual({ problem: expect.stringContaining(problem) })
})

test('only a language that nobody chose is sent as a hint', async () => {
  const server = sidecar()
  const engine = await readyEngine([server.url])
  for (const isLanguageHint of [true, false]) await engine.transcribe(spanOf({ isLanguageHint }))
  const sent = server.asked.map(({ url }) => new URL(url).searchParams)
  expect(sent.map((query) => [query.get('language'), query.get('language_hint')])).toEqual([
    ['en', 'true'],
    ['en', null],
  ])
})

test('the sidecar is told for which spans nobody waits', async () => {
  const server = sidecar()
  const engine = await readyEngine([server.url])
  for (const isHurried of [true, false]) await engine.transcribe(spanOf({ isHurried }))
  expect(server.asked.map(({ headers }) => headers.has('x-unhurried'))).toEqual([false, true])
})

test.each<[number, string, ErrorCode]>([
  [422, 'validation', 'engine_rejected'],
  [413, 'validation', 'engine_rejected'],
  [401, 'authentication', 'engine_misconfigured'],
  [403, 'authentication', 'engine_misconfigured'],
  [404, 'not_found', 'engine_misconfigured'],
  [500, 'internal', 'engine_unavailable'],
  [503, 'healthcheck', 'engine_unavailable'],
])('a %i (%s) is %s, with the reason', async (status, type, code) => {
  const server = sidecar(refusal(status, type))
  const engine = await readyEngine([server.url])
  const error = await engineError(engine.transcribe(spanOf()))
  expect(error.code).toBe(code)
  expect(error.message).toContain('the reason')
  expect(server.asked).toHaveLength(1)
})

test('a 429 has the time to retry after', async () => {
  const engine = await readyEngine([sidecar(refusal(429, 'overloaded', { 'retry-after': '3' })).url])
  const error = await engineError(engine.transcribe(spanOf()))
  expect(error instanceof EngineOverloaded && error.retryAfterSeconds).toBe(3)
  expect(engine.state().ready).toBe(true)
})

test('a model that cannot be loaded leaves the sidecar in use for other models', async () => {
  const engine = await readyEngine([sidecar(refusal(503, 'model', { 'retry-after': '15' })).url])
  const error = await engineError(engine.transcribe(spanOf()))
  expect(error instanceof EngineOverloaded && error.retryAfterSeconds).toBe(15)
  expect(engine.state().ready).toBe(true)
})

test('a failed generation is retried; the third failure is engine_rejected', async () => {
  const once = sidecar(refusal(424, 'generation'), () => Response.json(reply))
  const result = await (await readyEngine([once.url])).transcribe(spanOf())
  expect(result.segments).toHaveLength(1)
  const always = sidecar(refusal(424, 'generation'))
  const error = await engineError((await readyEngine([always.url])).transcribe(spanOf()))
  expect(error.code).toBe('engine_rejected')
  expect(always.asked).toHaveLength(3)
})

test.each([
  ['no JSON', () => new Response('<html>')],
  ['another shape', () => Response.json({ text: 'Hello there.' })],
  ['a wrong type', () => Response.json({ ...reply, segments: [{ ...segment, start: '0.2' }] })],
])('%s is engine_unavailable', async (_, answer) => {
  const engine = await readyEngine([sidecar(answer).url])
  expect((await engineError(engine.transcribe(spanOf()))).code).toBe('engine_unavailable')
})

test('times outside the span are clamped', async () => {
  const segments = [
    { ...segment, start: 3.5, end: 4.9 },
    { ...segment, start: -0.1, end: 3.4 },
    { ...segment, text: '  ' },
  ]
  const engine = await readyEngine([sidecar(() => Response.json({ ...reply, segments })).url])
  const result = await engine.transcribe(spanOf())
  expect(result.segments.map(({ start, end }) => [start, end])).toEqual([
    [0, 3.4],
    [3.5, 4],
  ])
})

test('a timeout and a truncated response are engine_unavailable', async () => {
  const never = () => new Promise<Response>(() => {})
  const slow = await readyEngine([sidecar(never).url], { deadlineSeconds: 0.2 })
  const late = await engineError(slow.transcribe(spanOf()))
  expect(late.code).toBe('engine_unavailable')
  expect(late.message).toContain('0.2 s')
  const dying = sidecar(() => {
    void dying.stop()
    return never()
  })
  const engine = await readyEngine([dying.url])
  expect((await engineError(engine.transcribe(spanOf()))).code).toBe('engine_unavailable')
  expect(engine.state().ready).toBe(false)
  expect(engine.state().detail).toContain(dying.url)
})

test('several sidecars take turns, and one that is down, full or failing is skipped', async () => {
  const [first, second] = [sidecar(), sidecar()]
  const engine = await readyEngine([first.url, second.url])
  while (!engine.state().detail.startsWith('2 of 2')) await Bun.sleep(5)
  expect(engine.concurrency).toBe(8)
  for (let i = 0; i < 4; i += 1) await engine.transcribe(spanOf())
  expect([first.asked.length, second.asked.length]).toEqual([2, 2])

  await first.stop()
  for (let i = 0; i < 4; i += 1) await engine.transcribe(spanOf())
  expect(second.asked).toHaveLength(6)
  expect(engine.state()).toEqual({ ready: true, detail: expect.stringContaining(first.url) })

  const full = sidecar(refusal(429, 'overloaded'))
  const free = sidecar()
  const mixed = await readyEngine([full.url, free.url])
  while (!mixed.state().detail.startsWith('2 of 2')) await Bun.sleep(5)
  for (let i = 0; i < 4; i += 1) await mixed.transcribe(spanOf())
  expect(free.asked).toHaveLength(4)
  expect(full.asked.length).toBeGreaterThan(0)
})

test('a sidecar that refuses the API key is skipped although its /health is well', async () => {
  const [refusing, free] = [sidecar(refusal(401, 'authentication')), sidecar()]
  const engine = await readyEngine([refusing.url, free.url])
  while (!engine.state().detail.startsWith('2 of 2')) await Bun.sleep(5)
  for (let i = 0; i < 4; i += 1) await engine.transcribe(spanOf())
  expect([refusing.asked.length, free.asked.length]).toEqual([1, 4])
  expect(engine.state()).toEqual({
    ready: true,
    detail: expect.stringContaining("Check the sidecar's API key"),
  })

  const alone = await readyEngine([refusing.url])
  await engineError(alone.transcribe(spanOf()))
  expect(alone.state()).toEqual({
    ready: false,
    detail: expect.stringContaining("Check the sidecar's API key"),
  })
})

test('requests to a sidecar on this machine bypass the environment’s proxy', async () => {
  const { HTTP_PROXY, NO_PROXY, no_proxy } = process.env
  const proxied: string[] = []
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch({ url }) {
      proxied.push(url)
      return new Response('the proxy', { status: 502 })
    },
  })
  open.push(proxy)
  Object.assign(process.env, { HTTP_PROXY: proxy.url.href, NO_PROXY: '', no_proxy: '' })
  try {
    const server = sidecar()
    // Without the option, Bun uses the proxy.
    expect((await fetch(`${server.url}/health`)).status).toBe(502)
    const engine = await readyEngine([server.url])
    expect((await engine.transcribe(spanOf())).model).toBe('m')
    expect(proxied).toHaveLength(1)
  } finally {
    for (const [name, value] of Object.entries({ HTTP_PROXY, NO_PROXY, no_proxy })) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
})

test('a span goes to a sidecar that runs its model; without one it waits', async () => {
  const [base, tiny] = [sidecar(), sidecar()]
  base.runs([{ id: 'Systran/faster-whisper-base', aliases: ['base'], default: true, translate: true }])
  tiny.runs([
    { id: 'base', aliases: [], languages: null, translate: true },
    { id: 'tiny.en', aliases: ['tiny'], default: true, languages: ['en'], translate: false, words: true },
  ])
  const engine = await readyEngine([base.url, tiny.url])
  while (engine.models().length < 3) await Bun.sleep(5)
  expect(engine.models()).toEqual([
    {
      id: 'Systran/faster-whisper-base',
      aliases: ['base'],
      languages: null,
      translates: true,
      words: true,
    },
    { id: 'tiny.en', aliases: ['tiny'], languages: ['en'], translates: false, words: true },
    { id: 'base', aliases: [], languages: null, translates: true, words: true },
  ])
  for (let i = 0; i < 4; i++) await engine.transcribe(spanOf({ model: 'TINY' }))
  expect([base.asked.length, tiny.asked.length]).toEqual([0, 4])
  expect(new URL(tiny.asked[0]?.url ?? '').searchParams.get('model')).toBe('TINY')
  for (let i = 0; i < 4; i++) await engine.transcribe(spanOf({ model: 'base' }))
  expect(base.asked.length).toBe(2)
  await engine.transcribe(spanOf())
  expect(new URL([...base.asked, ...tiny.asked].at(-1)?.url ?? '').searchParams.get('model')).not.toBe('')
  const missing = await engineError(engine.transcribe(spanOf({ model: 'large-v3' })))
  expect(missing.code).toBe('engine_unavailable')
  expect(missing.message).toContain('large-v3')
})

test.each([
  ['no JSON', () => new Response('<html>')],
  ['an error', () => Response.json({ error: 'unauthorized' }, { status: 401 })],
  ['another shape', () => Response.json({ model_id: 'x', models: [{ name: 'y' }] })],
])('a sidecar whose /info is %s has no models, and still transcribes', async (_, info) => {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => (url.endsWith('/info') ? info() : Response.json(reply)),
  })
  open.push(server)
  const engine = await readyEngine([server.url.origin])
  expect((await engine.transcribe(spanOf())).segments).toHaveLength(1)
  expect(engine.models()).toEqual([])
})

test('the engine is ready once the sidecar’s /health is well', async () => {
  const server = sidecar()
  server.says(false)
  const engine = sidecarEngine({ urls: [server.url] })
  open.push({ stop: () => engine.close() })
  expect((await engineError(engine.transcribe(spanOf()))).code).toBe('engine_unavailable')
  while (!engine.state().detail.includes('loading')) await Bun.sleep(5)
  expect(engine.state().ready).toBe(false)
  server.says(true)
  await engine.whenReady(AbortSignal.timeout(5000))
  expect((await engine.transcribe(spanOf())).model).toBe('m')
})
