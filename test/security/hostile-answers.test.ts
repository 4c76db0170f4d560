import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createIdentityProvider } from '../../src/auth/identity-provider.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { huggingfaceEngine } from '../../src/engines/huggingface/huggingface.ts'
import { sidecarEngine } from '../../src/engines/sidecar/sidecar.ts'
import { tracedFetch } from '../../src/traces/traced-fetch.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { engineError } from '../engines/engine-error.ts'
import { spanOf } from '../engines/span.ts'
import { fixture } from '../support/api-client.ts'
import { databases } from '../support/databases.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'

const MIB = 1024 * 1024
const SEGMENT = { start: 0, end: 1, text: 'a', language: 'en' }

/** The JSON responses of each engine. */
const ENGINES = [
  {
    name: 'a sidecar',
    open: (url: string) => sidecarEngine({ urls: [url] }),
    transcript: (text: string, more = {}) =>
      JSON.stringify({ model: 'm', segments: [{ ...SEGMENT, text }], ...more }),
    many: (count: number) => JSON.stringify({ model: 'm', segments: Array(count).fill(SEGMENT) }),
  },
  {
    name: 'a sidecar that is traced',
    open: (url: string) =>
      sidecarEngine({
        urls: [url],
        fetch: tracedFetch({ traces: noTraces, engine: 'sidecar', isOwn: true }),
      }),
    transcript: (text: string, more = {}) =>
      JSON.stringify({ model: 'm', segments: [{ ...SEGMENT, text }], ...more }),
    many: (count: number) => JSON.stringify({ model: 'm', segments: Array(count).fill(SEGMENT) }),
  },
  {
    name: 'a hosted endpoint',
    open: (url: string) => huggingfaceEngine({ endpointUrl: url }),
    transcript: (text: string, more = {}) =>
      JSON.stringify({ text, chunks: [{ text, timestamp: [0, 1] }], ...more }),
    many: (count: number) =>
      JSON.stringify({ text: 'a', chunks: Array(count).fill({ text: 'a', timestamp: [0, 1] }) }),
  },
]

const json = { headers: { 'content-type': 'application/json' } }

let open: { stop: () => unknown }[] = []
afterEach(async () => {
  for (const resource of open) await resource.stop()
  open = []
})

/** A healthy server that returns this response for every span. */
function answering(answer: () => Response): string {
  const server = Bun.serve({
    port: 0,
    fetch: async (request): Promise<Response> =>
      /^\/(health|info)$/.test(new URL(request.url).pathname) ? new Response() : answer(),
  })
  open.push({ stop: () => server.stop(true) })
  return server.url.origin
}

/** An endless body that counts the bytes that are read. */
function endless(piece: string) {
  let sent = 0
  const bytes = new TextEncoder().encode(piece.repeat(Math.ceil(65_536 / piece.length)))
  const body = () =>
    new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          sent += bytes.length
          controller.enqueue(bytes.slice())
          await Bun.sleep(0)
        },
      },
      { highWaterMark: 0 },
    )
  return { body, sent: () => sent }
}

describe.each(ENGINES)('a response of $name', ({ open: openEngine, transcript, many }) => {
  async function engineAt(url: string): Promise<Engine> {
    const engine = openEngine(url)
    open.push({ stop: () => engine.close() })
    await engine.whenReady(AbortSignal.timeout(5000))
    return engine
  }
  const transcribe = async (answer: () => Response) =>
    (await engineAt(answering(answer))).transcribe(spanOf())

  test.each([
    ['a transcript', 200, '{"text":"'],
    ['an error', 400, 'no '],
    ['a refusal', 503, '['],
  ])('that never ends is aborted after some MiB: %s', async (_, status, piece) => {
    const { body, sent } = endless(piece)
    const error = await engineError(transcribe(() => new Response(body(), { status, ...json })))
    expect(error.message.length).toBeLessThan(600)
    // Includes the buffers of the connection.
    expect(sent()).toBeLessThan(40 * MIB)
  })

  test.each([
    ['lists', '['.repeat(2 * MIB)],
    ['errors in errors', `${'{"error":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ])('that is deeply nested is not parsed: %s', async (_, text) => {
    for (const status of [200, 400, 503]) {
      const before = process.cpuUsage()
      await engineError(transcribe(() => new Response(text, { status, ...json })))
      expect(process.cpuUsage(before).user / 1e6).toBeLessThan(0.5)
    }
  })

  test('with more segments than speech can have is refused', async () => {
    expect((await transcribe(() => new Response(many(9000), json))).segments).toHaveLength(9000)
    const error = await engineError(transcribe(() => new Response(many(20_000), json)))
    expect(error).toMatchObject({
      code: 'engine_unavailable',
      message: expect.stringContaining('20000 segments'),
    })
  })

  test('is stripped of characters that Postgres cannot store', async () => {
    const { segments, model } = await transcribe(
      () => new Response(transcript('a\0b\ud800c', { model: 'm\0\udc00', language: 'en\0' }), json),
    )
    expect(segments.map(({ text, language }) => ({ text, language }))).toEqual([
      { text: 'ab\ufffdc', language: 'en' },
    ])
    expect(model.isWellFormed()).toBe(true)
    expect(model).not.toContain('\0')
  })

  test('with a time that is not finite is refused', async () => {
    const text = transcript('a').replace('1', '1e999')
    const error = await engineError(transcribe(() => new Response(text, json)))
    expect(error).toMatchObject({ code: 'engine_unavailable' })
  })
})

test('an endless key set is aborted after some MiB', async () => {
  const { body, sent } = endless('{"keys":[')
  const jwksUrl = answering(() => new Response(body(), json))
  const provider = createIdentityProvider({ jwksUrl, issuer: 'a', audience: 'b' })
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '')
  const token = `${part({ alg: 'RS256', kid: 'a' })}.${part({ sub: 'a' })}.AA`
  expect(await engineError(provider.verify(token))).toMatchObject({ code: 'identity_provider_unavailable' })
  expect(sent()).toBeLessThan(40 * MIB)
})

describe.each(databases)('a response of a hostile sidecar on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline.tidy())
  afterAll(() => pipeline.close())

  const after = async (answer: () => Response) => {
    const engine = sidecarEngine({ urls: [answering(answer)] })
    open.push({ stop: () => engine.close() })
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, await fixture('speech.mp3').bytes())
    const row = await pipeline.once(id, isFinished)
    return row
  }

  test('is stored without characters that Postgres cannot store', async () => {
    const words = [{ start: 0, end: 1, word: ' a\0\ud800', probability: 1e308 }]
    const segment = { ...SEGMENT, text: ' a\0\ud800', language: 'e\0', avg_logprob: -1e308, words }
    const answer = JSON.stringify({ model: 'm\0', segments: [segment] })
    expect(await after(() => new Response(answer, json))).toMatchObject({
      status: 'completed',
      text: 'a\ufffd',
    })
  })

  test('is stored if it has more segments than one statement can insert', async () => {
    const answer = JSON.stringify({ model: 'm', segments: Array(7000).fill(SEGMENT) })
    expect(await after(() => new Response(answer, json))).toMatchObject({ status: 'completed' })
  })

  test('is shown, shortened, as the reason of the failure', async () => {
    const answer = JSON.stringify({ error: `no\0 such \ud800thing${'!'.repeat(10_000)}` })
    const { status, errorCode, errorMessage } = await after(
      () => new Response(answer, { status: 422, ...json }),
    )
    expect({ status, errorCode }).toEqual({ status: 'failed', errorCode: 'engine_rejected' })
    expect(errorMessage).toContain('no such \ufffdthing!!!')
    expect(errorMessage?.length).toBeLessThan(500)
  })
})
