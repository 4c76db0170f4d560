import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { openPglite } from '../../src/db/pglite.ts'
import { transcriptions } from '../../src/db/schema.ts'
import { hostedServer, TOKEN } from '../engines/hosted-server.ts'
import { signUp } from '../support/client.ts'
import { databases } from '../support/databases.ts'
import { BUN, freePort, startService, withFolder } from '../support/service.ts'
import { openCollector, type ReceivedSpan } from '../support/trace-collector.ts'
import { openReceiver } from '../support/webhook-receiver.ts'
import { longRecording } from './recording.ts'

const SPEECH = Bun.file(join(import.meta.dir, '../fixtures/speech.mp3'))
const SAID = 'what was said in confidence'
const COLLECTOR_TOKEN = 'Bearer of-the-collector'
/** The trace and span id of the uploading client. */
const CALLER = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' }
const [REPEATS, PAUSE_SECONDS] = [30, 5]

/** The kinds of trace spans in OTLP. */
const [CLIENT, ERROR] = [3, 2]
const postgres = databases.find(({ name }) => name === 'Postgres')

/**
 * A sidecar that answers each span with the same words, or as `answer` says, and records the request headers.
 */
function scriptedSidecar(answer: () => Response | Promise<Response> = heard) {
  const headers: Record<string, string>[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (/^\/(health|info)$/.test(new URL(request.url).pathname)) return Response.json({})
      await request.arrayBuffer()
      headers.push(Object.fromEntries(request.headers))
      return answer()
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, headers, stop: () => server.stop(true) }
}

const heard = () => Response.json({ model: 'scripted', segments: [{ start: 0, end: 1, text: ` ${SAID}` }] })

/** Uploads as a client with its own trace; returns the transcription's id. */
async function uploadTraced(user: Awaited<ReturnType<typeof signUp>>, url: string, audio: Blob, fields = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries<string>(fields)) form.set(name, value)
  form.set('audio', audio, 'a private name.wav')
  const answer = await fetch(`${url}/api/transcribe/?unheard=of`, {
    method: 'POST',
    headers: { ...user.headers, traceparent: `00-${CALLER.trace}-${CALLER.span}-01` },
    body: form,
  })
  expect(answer.status).toBe(202)
  const { transcription_id: id }: { transcription_id: string } = await answer.json()
  return id
}

/** At its end, the process reports whether it loaded OpenTelemetry. */
const TELLING = [...BUN, '--preload', './test/traces/loaded.ts', 'src/main.ts']

const named = (steps: ReceivedSpan[], name: string) => steps.filter((step) => step.name === name)

test.skipIf(!postgres)(
  'an upload is one trace from the client through the API and a worker to the engine and the webhook',
  async () => {
    if (!postgres) return
    await withFolder(async (folder) => {
      const [database, collector] = [await postgres.open(), openCollector()]
      const [sidecar, receiver] = [scriptedSidecar(), openReceiver()]
      const env = {
        DATA_DIR: folder,
        DATABASE_URL: database.url ?? '',
        SIDECAR_URL: sidecar.url,
        OUTBOUND_ALLOW: '127.0.0.1',
        LOG: 'json',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: `Authorization=${encodeURIComponent(COLLECTOR_TOKEN)}`,
      }
      const api = await startService({ ...env, MODE: 'api', OTEL_SERVICE_NAME: 'the-api' })
      const worker = await startService({ ...env, MODE: 'worker', OTEL_SERVICE_NAME: 'the-worker' })
      const user = await signUp(api.url)
      const id = await uploadTraced(user, api.url, await longRecording(REPEATS, PAUSE_SECONDS), {
        webhook_url: `${receiver.url}?signature=of-the-receiver`,
      })
      const done = await user.finished(id)
      expect(done.status).toBe('completed')
      await receiver.count(1)
      await fetch(`${api.url}/health/ready`)
      await fetch(`${api.url}/api/transcriptions/${id}/transcript`, { headers: user.headers })
      // They send pending trace spans before they end.
      expect(await Promise.all([worker.kill('SIGTERM'), api.kill('SIGTERM')])).toEqual([0, 0])

      const steps = await collector.trace(CALLER.trace, (own) => own.length > 0)
      const [upload] = named(steps, 'POST /api/transcribe')
      expect(upload).toMatchObject({
        parentSpanId: CALLER.span,
        process: { 'service.name': 'the-api' },
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/api/transcribe',
          'http.response.status_code': 202,
          'verbatim.transcription.id': id,
        },
      })
      const spans = named(steps, 'span')
      expect(spans.length).toBeGreaterThan(2)
      const requests = named(steps, 'POST sidecar')
      expect(steps).toHaveLength(4 + 2 * spans.length)
      for (const step of [...named(steps, 'prepare'), ...spans, ...named(steps, 'webhook')]) {
        expect(step).toMatchObject({
          parentSpanId: upload?.spanId,
          process: { 'service.name': 'the-worker', 'verbatim.mode': 'worker' },
          attributes: { 'verbatim.transcription.id': id },
          status: { code: 0 },
        })
        expect(step.attributes['verbatim.queue.seconds']).toBeGreaterThanOrEqual(0)
      }
      expect(named(steps, 'prepare')[0]?.attributes).toMatchObject({
        'verbatim.audio.codec': 'pcm_s16le',
        'verbatim.audio.seconds': done.duration ?? 0,
        'verbatim.spans': spans.length,
      })
      const ranges = spans.map(({ attributes }) => [
        attributes['verbatim.span.start'],
        attributes['verbatim.span.end'],
      ])
      const ordered = ranges.toSorted(([a], [b]) => Number(a) - Number(b))
      expect(ordered[0]?.[0]).toBe(0)
      for (const [at, [start]] of ordered.entries()) if (at > 0) expect(start).toBe(ordered[at - 1]?.[1])
      for (const span of spans) {
        expect(span.attributes).toMatchObject({
          'verbatim.span.attempt': 1,
          'verbatim.engine': 'sidecar',
          'verbatim.model': 'scripted',
        })
        const [request, ...more] = requests.filter(({ parentSpanId }) => parentSpanId === span.spanId)
        expect(more).toEqual([])
        expect(request?.attributes).toMatchObject({
          'server.address': '127.0.0.1',
          'server.port': sidecar.port,
          'http.response.status_code': 200,
        })
        expect(sidecar.headers.map(({ traceparent }) => traceparent)).toContain(
          `00-${CALLER.trace}-${request?.spanId}-01`,
        )
      }
      const [finish] = named(steps, 'finish')
      expect(spans.map(({ spanId }) => spanId)).toContain(finish?.parentSpanId ?? '')
      expect(named(steps, 'webhook')[0]?.attributes).toMatchObject({ 'http.response.status_code': 204 })

      const routes = new Set(collector.steps.map(({ attributes }) => attributes['http.route']))
      expect(routes).toContain('/api/transcriptions/:id/transcript')
      for (const route of ['/api/transcriptions/:id', '/health/ready']) expect(routes).not.toContain(route)
      const lines = api.output.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
      expect(lines).toContainEqual(
        expect.objectContaining({
          message: 'request',
          route: '/api/transcribe',
          trace_id: CALLER.trace,
          span_id: upload?.spanId,
        }),
      )
      expect(new Set(collector.headers.map(({ authorization }) => authorization))).toEqual(
        new Set([COLLECTOR_TOKEN]),
      )
      const sent = collector.bodies.join('\n')
      const secrets = [SAID, 'a private name', user.key, user.token, 'example.com', 'signature', 'unheard']
      for (const secret of [...secrets, receiver.url]) expect(sent).not.toContain(secret)

      sidecar.stop()
      await receiver.close()
      await collector.close()
      await database.close()
    })
  },
  600_000,
)

test('a failed engine is an error in the trace, followed by the next engine', async () => {
  await withFolder(async (folder) => {
    const collector = openCollector()
    const sidecar = scriptedSidecar(() => Response.json({ error: 'of no use to anyone' }, { status: 500 }))
    const hosted = hostedServer({
      hear: async () => ({ text: SAID, language: 'en', segments: [{ start: 0, end: 1, text: SAID }] }),
    })
    const service = await startService({
      DATA_DIR: folder,
      INFERENCE: 'sidecar,hosted',
      SIDECAR_URL: sidecar.url,
      HF_TOKEN: TOKEN,
      HF_ENDPOINT_URL: hosted.endpointUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    })
    const user = await signUp(service.url)
    const id = await uploadTraced(user, service.url, SPEECH)
    expect((await user.finished(id)).status).toBe('completed')
    expect(await service.kill('SIGTERM')).toBe(0)

    const steps = await collector.trace(CALLER.trace, (own) => own.length > 0)
    const [span] = named(steps, 'span')
    const requests = steps.filter(
      ({ parentSpanId, kind }) => parentSpanId === span?.spanId && kind === CLIENT,
    )
    expect(requests).toMatchObject([
      {
        name: 'POST sidecar',
        status: { code: ERROR, message: '500' },
        attributes: { 'server.port': sidecar.port, 'http.response.status_code': 500, 'error.type': '500' },
      },
      {
        name: 'POST huggingface',
        status: { code: 0 },
        attributes: {
          'server.port': Number(new URL(hosted.endpointUrl).port),
          'http.response.status_code': 200,
        },
      },
    ])
    expect(span).toMatchObject({
      status: { code: 0 },
      attributes: { 'verbatim.engine': 'huggingface' },
      events: [{ name: 'engine failed', attributes: { 'verbatim.engine': 'sidecar' } }],
    })
    const sent = collector.bodies.join('\n')
    for (const secret of [SAID, TOKEN, 'of no use']) expect(sent).not.toContain(secret)
    sidecar.stop()
    hosted.stop()
    await collector.close()
  })
}, 600_000)

test.skipIf(!postgres)(
  'an upload to an API without traces is one trace from its first job on, even if a worker dies',
  async () => {
    if (!postgres) return
    await withFolder(async (folder) => {
      const [database, collector] = [await postgres.open(), openCollector()]
      const taken = Promise.withResolvers<void>()
      let isFirst = true
      const sidecar = scriptedSidecar(() => {
        if (!isFirst) return heard()
        isFirst = false
        taken.resolve()
        return new Promise<Response>(() => {})
      })
      const env = { DATA_DIR: folder, DATABASE_URL: database.url ?? '', SIDECAR_URL: sidecar.url }
      const api = await startService({ ...env, MODE: 'api' })
      const startWorker = () =>
        startService({ ...env, MODE: 'worker', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
      const first = await startWorker()
      const user = await signUp(api.url)
      const id = await uploadTraced(user, api.url, SPEECH)
      await taken.promise
      await first.kill('SIGKILL')
      const second = await startWorker()
      expect((await user.finished(id)).status).toBe('completed')
      expect(await Promise.all([second.kill('SIGTERM'), api.kill('SIGTERM')])).toEqual([0, 0])

      const [row] = await database.db.select().from(transcriptions)
      const [, trace = '', firstJob = ''] = row?.traceparent?.split('-') ?? []
      expect(trace).not.toBe(CALLER.trace)
      const steps = await collector.trace(trace, (own) => own.length > 0)
      expect(named(steps, 'span')).toMatchObject([
        {
          parentSpanId: firstJob,
          attributes: { 'verbatim.transcription.id': id, 'verbatim.span.attempt': 2 },
        },
      ])
      expect(named(steps, 'finish')).toHaveLength(1)
      sidecar.stop()
      await collector.close()
      await database.close()
    })
  },
  600_000,
)

test('an unreachable or silent collector only causes one log line', async () => {
  await withFolder(async (folder) => {
    const collector = openCollector()
    const sidecar = scriptedSidecar()
    const env = { DATA_DIR: folder, SIDECAR_URL: sidecar.url }
    const nobody = `http://127.0.0.1:${freePort()}`
    const away = await startService({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: nobody }, TELLING)
    const user = await signUp(away.url)
    const id = await user.upload(SPEECH)
    expect((await user.finished(id)).status).toBe('completed')
    const lost = () => away.output.filter((line) => line.includes('trace spans are lost'))
    while (lost().length === 0) await Bun.sleep(50)
    expect(await away.kill('SIGTERM')).toBe(0)
    expect(lost()).toHaveLength(1)
    expect(away.output).toContain('what makes traces was loaded')

    collector.answer(() => new Promise(() => {}))
    const silent = await startService({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const other = await user.upload(SPEECH, {}, silent.url)
    expect((await user.finished(other, silent.url)).status).toBe('completed')
    expect(await silent.kill('SIGTERM')).toBe(0)
    expect(collector.steps.map(({ name }) => name)).toContain('finish')
    sidecar.stop()
    await collector.close()
  })
}, 600_000)

test('without a collector the service loads, sends and stores nothing for traces', async () => {
  await withFolder(async (folder) => {
    const sidecar = scriptedSidecar()
    const service = await startService(
      { DATA_DIR: folder, SIDECAR_URL: sidecar.url, OTEL_SERVICE_NAME: 'unheard-of' },
      TELLING,
    )
    const user = await signUp(service.url)
    const id = await uploadTraced(user, service.url, SPEECH)
    expect((await user.finished(id)).status).toBe('completed')
    expect(await service.kill('SIGTERM')).toBe(0)
    expect(service.output).toContain('what makes traces was not loaded')
    expect(sidecar.headers).toHaveLength(1)
    expect(sidecar.headers[0]).not.toHaveProperty('traceparent')
    sidecar.stop()
    const { db, close } = await openPglite({ dataDir: join(folder, 'postgres') })
    const rows = await db.select().from(transcriptions)
    await close()
    expect(rows.map(({ traceparent }) => traceparent)).toEqual([null])
  })
}, 600_000)
