import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { measuredEngine } from '../../src/metrics/measured-engine.ts'
import { spanOf } from '../engines/span.ts'
import { type Client, clientOf, fixture } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { silence } from '../support/pcm.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

describe.each(databases)('metrics on $name', (kind) => {
  let service: TestService
  let ada: Client

  beforeAll(async () => {
    service = await startService({ kind, metricsToken: 'for the scraper', logsRequests: true })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  const scrape = async (token = 'for the scraper') =>
    fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })

  /** The value of a series; undefined if it does not exist. */
  async function read(series: string) {
    const lines = (await (await scrape()).text()).split('\n')
    const line = lines.find((line) => line.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }

  /** The log lines of a request. They are written after the response was sent. */
  async function lines(request_id: string) {
    for (;;) {
      const found = service.logged.filter((line) => JSON.stringify(line).includes(request_id))
      if (found.length > 0) return found
      await Bun.sleep(5)
    }
  }

  test('only a request with the metrics token reads metrics', async () => {
    expect((await scrape('another')).status).toBe(401)
    expect((await fetch(`${service.url}/metrics`)).status).toBe(401)
    const { status, headers } = await scrape()
    expect({ status, type: headers.get('content-type') }).toEqual({
      status: 200,
      type: expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    })
  })

  test('requests are counted by route, not by id', async () => {
    const route = '{method="GET",route="/api/transcriptions/:id",status="404"}'
    const series = `verbatim_http_request_seconds_count${route}`
    const before = (await read(series)) ?? 0
    for (const id of ['one', 'two']) await ada.ask(`/api/transcriptions/${id}`)
    expect(await read(series)).toBe(before + 2)
  })

  test('waiting jobs and open transcriptions are reported', async () => {
    const before = (await read('verbatim_queue_waiting{queue="prepare"}')) ?? 0
    await ada.upload(fixture('speech.mp3'))
    expect(await read('verbatim_queue_waiting{queue="prepare"}')).toBe(before + 1)
    expect(await read('verbatim_queue_oldest_seconds{queue="prepare"}')).toBeGreaterThan(0)
    expect(await read('verbatim_transcriptions_open{status="queued"}')).toBe(before + 1)
    expect(await read('process_resident_memory_bytes')).toBeGreaterThan(2 ** 20)
  })

  test('spans of each engine and their audio are counted', async () => {
    let call = 0
    const engine = measuredEngine(
      scriptedEngine({
        answer() {
          if (call++ > 0) throw new TypeError('a defect')
          return { model: 'scripted', segments: [], detected: null }
        },
      }),
      service.metrics,
    )
    const span = spanOf({ pcm: silence(2) })
    await engine.transcribe(span)
    await engine.transcribe(span).catch(() => {})
    expect(await read('verbatim_span_seconds_count{engine="sidecar",outcome="done"}')).toBe(1)
    expect(await read('verbatim_span_seconds_count{engine="sidecar",outcome="internal"}')).toBe(1)
    expect(await read('verbatim_audio_seconds_total{engine="sidecar"}')).toBe(2)
  })

  test('each request is logged once, by its id, without its query', async () => {
    const ask = (headers: Record<string, string>) =>
      fetch(`${service.url}/api/transcriptions/x/audio?expires=1&signature=secret`, { headers })
    const own = await ask({ 'x-request-id': 'mine-1' })
    expect(own.headers.get('x-request-id')).toBe('mine-1')
    const made = (await ask({ 'x-request-id': 'not "one"' })).headers.get('x-request-id')
    expect(made).toMatch(/^[0-9a-f-]{36}$/)
    for (const request_id of ['mine-1', made]) {
      const found = await lines(String(request_id))
      const about = { request_id, method: 'GET', route: '/api/transcriptions/:id/audio', status: 404 }
      expect(found).toEqual([['request', undefined, { ...about, ms: expect.any(Number) }]])
    }
    expect(JSON.stringify(service.logged)).not.toContain('secret')
  })
})
