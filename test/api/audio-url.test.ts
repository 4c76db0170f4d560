import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { transcriptions } from '../../src/db/schema.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { openRawHost, type RawHost } from '../outbound/raw-host.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { MAX_UPLOAD_BYTES, startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'
import { threeTracks } from '../support/matroska.ts'
import { fixturePcm } from '../support/pcm.ts'

const several = threeTracks(await fixturePcm('speech.wav'))

let service: TestService
let host: ReturnType<typeof Bun.serve>
let broken: RawHost
let ada: Client
let token: string
/** The paths whose responses the host is still sending. */
const sending = new Set<string>()

beforeAll(async () => {
  service = await startService({ kind: embedded })
  const anyone = clientOf(service.url)
  token = await anyone.newToken()
  ada = anyone.as(token)
  broken = await openRawHost(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${'a'.repeat(1000)}`, 'closes')
  host = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 60, fetch: respond })
})
afterAll(async () => {
  await host.stop(true)
  broken.close()
  await service.close()
})

async function respond(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case '/moved':
      return Response.redirect('/talks/My%20talk.mp3')
    case '/away':
      return Response.redirect('http://192.168.0.1/speech.mp3')
    case '/talks/My%20talk.mp3':
      return new Response(fixture('speech.mp3'))
    case '/tracks':
      return new Response(several.file)
    case '/download':
      return new Response(fixture('speech.flac'), {
        headers: { 'Content-Disposition': `attachment; filename="inter/view.flac"` },
      })
    case '/page':
      return new Response('<html>no audio</html>'.repeat(100), { headers: { 'Content-Type': 'audio/mpeg' } })
    case '/large':
      return new Response(endless(pathname))
    case '/declared':
      return new Response(new Uint8Array(MAX_UPLOAD_BYTES + 1))
    case '/slow':
      return new Response(endless(pathname, 50))
    default:
      return new Response('Nothing here', { status: 404 })
  }
}

function endless(name: string, pauseMs = 0) {
  sending.add(name)
  return new ReadableStream<Uint8Array>({
    async pull(control) {
      await Bun.sleep(pauseMs)
      control.enqueue(new Uint8Array(1000))
    },
    cancel() {
      sending.delete(name)
    },
  })
}

const at = (path: string) => `http://127.0.0.1:${host.port}${path}`
const status = async (response: { body: unknown }) =>
  (await ada.ask(`/api/transcriptions/${textAt(response.body, 'transcription_id')}/`)).body

describe('audio at a URL is accepted, with the URL in', () => {
  const url = () => at('/talks/My%20talk.mp3')
  const ways: [how: string, send: () => ReturnType<Client['ask']>][] = [
    ['a form', () => ada.upload(null, { audio_url: url(), language: 'de' })],
    [
      'JSON',
      () => ada.post('/api/transcribe/', { audio_url: url(), language: 'de', words: false, start: null }),
    ],
    [
      'the query',
      () => ada.ask(`/api/transcribe?language=de&audio_url=${encodeURIComponent(url())}`, { method: 'POST' }),
    ],
  ]
  test.each(ways)('%s', async (_, send) => {
    const response = await send()
    expect(response.status).toBe(202)
    const state = await status(response)
    expect(state).toMatchObject({
      language: 'de',
      filename: 'My talk.mp3',
      size: fixture('speech.mp3').size,
      codec: 'mp3',
    })
    const audio = await fetch(textAt(state, 'audio_file'))
    expect(await audio.bytes()).toEqual(await fixture('speech.mp3').bytes())
  })

  test('a number of JSON chooses the track, a text the quality', async () => {
    const fields = { track: 3, quality: 'best' }
    const response = await ada.post('/api/transcribe/', { audio_url: at('/tracks'), ...fields })
    expect(await status(response)).toMatchObject({ ...fields, tracks: several.listed })
  })

  test('a number of JSON states the speakers', async () => {
    const { body } = await ada.post('/api/transcribe/', { audio_url: at('/tracks'), speakers: 3 })
    const row = await findTranscription(service.db, textAt(body, 'transcription_id'))
    expect(row).toMatchObject({ diarize: true, minSpeakers: 3, maxSpeakers: 3 })
  })

  test('a list of JSON has replacements as objects or texts', async () => {
    const pairs = [
      { heard: 'cube flow', written: 'Kubeflow, Inc.' },
      { heard: 'ada', written: 'Ada' },
    ]
    const replace = [pairs[0], 'ada:Ada']
    const { body } = await ada.post('/api/transcribe/', { audio_url: at('/tracks'), replace })
    const row = await findTranscription(service.db, textAt(body, 'transcription_id'))
    expect(row?.replacements).toEqual(pairs)
  })

  test('audio_url follows redirects, and takes the filename of Content-Disposition', async () => {
    expect(await status(await ada.upload(null, { audio_url: at('/moved') }))).toMatchObject({ codec: 'mp3' })
    expect(await status(await ada.upload(null, { audio_url: at('/download') }))).toMatchObject({
      filename: 'view.flac',
      codec: 'flac',
    })
  })
})

describe('a refused audio_url leaves no file and no row:', () => {
  const stored = async () => ({
    files: await service.files(),
    rows: (await service.db.select({ id: transcriptions.id }).from(transcriptions)).length,
  })
  let before: Awaited<ReturnType<typeof stored>>
  beforeAll(async () => {
    before = await stored()
  })
  afterEach(async () => expect(await stored()).toEqual(before))

  const refusals: [what: string, url: () => string, status: number, code: string, sentence: RegExp][] = [
    ['a private host', () => 'http://10.0.0.1/a.mp3', 400, 'url_refused', /10\.0\.0\.1 is not on the public/],
    [
      'a loopback address',
      () => `http://[::1]:${host.port}/`,
      400,
      'url_refused',
      /::1 is not on the public/,
    ],
    ['a redirect to a private host', () => at('/away'), 400, 'url_refused', /192\.168\.0\.1/],
    ['text that is not a URL', () => 'speech.mp3', 400, 'url_refused', /must start with http/],
    ['a file: URL', () => 'file:///etc/passwd', 400, 'url_refused', /must start with http/],
    ['a URL that returns 404', () => at('/gone.mp3'), 502, 'url_failed', /responded with status 404/],
    ['a host that refuses connections', () => 'http://127.0.0.1:1/a.mp3', 502, 'url_failed', /failed: /],
    ['a response that breaks off', () => broken.url, 502, 'url_failed', /is incomplete/],
    ['a page with an audio Content-Type', () => at('/page'), 415, 'unsupported_type', /is a web page/],
    ['a stream that is too large', () => at('/large'), 413, 'too_large', /larger than the 1000000 bytes/],
    [
      'a Content-Length that is too large',
      () => at('/declared'),
      413,
      'too_large',
      /larger than the 1000000/,
    ],
  ]
  test.each(refusals)('%s', async (_, url, status, code, sentence) => {
    const response = await ada.upload(null, { audio_url: url() })
    expect({ status: response.status, body: response.body }).toEqual({
      status,
      body: { code, error: expect.stringMatching(sentence) },
    })
    while (sending.size > 0) await Bun.sleep(10)
  })

  test('an upload with both audio and audio_url', async () => {
    const response = await ada.upload(fixture('speech.mp3'), { audio_url: at('/moved') })
    expect(response).toMatchObject({
      status: 400,
      body: { error: 'Send audio or audio_url, not both', code: 'validation' },
    })
  })

  test('a JSON body that is not an object of fields', async () => {
    for (const body of [[at('/moved')], 'text', { audio_url: [at('/moved')] }]) {
      expect(await ada.post('/api/transcribe/', body)).toMatchObject({
        status: 400,
        body: { code: 'validation' },
      })
    }
  })

  test('a client that disconnects ends the download', async () => {
    const control = new AbortController()
    const sent = fetch(`${service.url}/api/transcribe?audio_url=${encodeURIComponent(at('/slow'))}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      signal: control.signal,
    })
    while (!sending.has('/slow') || (await service.files()).length === before.files.length)
      await Bun.sleep(10)
    control.abort()
    await expect(sent).rejects.toThrow()
    while (sending.size > 0 || (await service.files()).length > before.files.length) await Bun.sleep(10)
  })
})

test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
