import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'

let service: TestService
let anyone: Client
let ada: Client

beforeAll(async () => {
  service = await startService({ kind: embedded })
  anyone = clientOf(service.url)
  ada = anyone.as(await anyone.newToken())
})
afterAll(() => service.close())

const PROTECTION = {
  'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': expect.any(String),
}

const protectionOf = (headers: Headers) =>
  Object.fromEntries(Object.keys(PROTECTION).map((name) => [name, headers.get(name)]))

describe('security headers', () => {
  test('are in every kind of response', async () => {
    const { body } = await ada.upload(fixture('speech.mp3'))
    const id = textAt(body, 'transcription_id')
    const status = await ada.ask(`/api/transcriptions/${id}`)
    const audio = textAt(status.body, 'audio_file').slice(service.url.length)
    const { signal, abort } = controller()
    const events = await fetch(`${service.url}/api/transcriptions/${id}/events`, {
      headers: ada.headers,
      signal,
    })
    const responses: [name: string, headers: Headers][] = [
      ['JSON', status.headers],
      ['a stream of events', events.headers],
      ['audio', (await anyone.ask(audio)).headers],
      ['a range of audio', (await anyone.ask(audio, { headers: { range: 'bytes=0-9' } })).headers],
      ['no content', (await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).headers],
      ['401', (await anyone.ask('/api/auth/me')).headers],
      ['404', (await anyone.ask('/nowhere')).headers],
      ['405', (await anyone.ask('/api/auth/login')).headers],
      ['400', (await anyone.post('/api/auth/login', {})).headers],
      ['an error in OpenAI’s form', (await anyone.ask('/v1/models')).headers],
      ['the Swagger page', (await anyone.ask('/swagger')).headers],
      ['the OpenAPI document', (await anyone.ask('/swagger/json')).headers],
      ['a script', (await anyone.ask('/swagger/assets/swagger-ui-bundle.js')).headers],
      ['health', (await anyone.ask('/health/live')).headers],
      ['metrics', (await anyone.ask('/metrics')).headers],
    ]
    abort()
    for (const [name, headers] of responses) {
      expect({ name, ...protectionOf(headers) }).toEqual({ name, ...PROTECTION })
    }
  })

  test('forbid caches to store credentials, links and texts', async () => {
    const credentials = { email: 'cache@example.com', password: 'correct horse battery' }
    const registered = await anyone.post('/api/auth/register', credentials)
    const answers = [
      registered,
      await anyone.post('/api/auth/login', credentials),
      await anyone.post('/api/auth/refresh', { refresh_token: textAt(registered.body, 'refresh_token') }),
      await ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] }),
      await ada.post('/api/webhooks', { url: 'http://127.0.0.1:1/' }),
      await ada.post('/api/webhooks/uploads/secret', {}),
      await ada.ask('/api/transcriptions'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 201, 201, 200, 200])
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store')
  })

  test('allow the Swagger page only scripts of this host, and it has no inline script', async () => {
    for (const path of ['/swagger', '/swagger/']) {
      const { headers, body } = await anyone.ask(path)
      const policy = headers.get('content-security-policy')
      expect(policy).toContain("default-src 'none'; script-src 'self'; ")
      const scripts = [...String(body).matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)]
      expect(scripts.length).toBe(2)
      for (const [, attributes, inline] of scripts) {
        expect({ attributes, inline }).toEqual({ attributes: expect.stringMatching(/ src="\//), inline: '' })
      }
    }
  })

  test('let caches store assets, and only private caches store audio', async () => {
    const { headers } = await anyone.ask('/swagger/assets/swagger-ui.css')
    expect(headers.get('cache-control')).toBe('max-age=86400')
    const { body } = await ada.upload(fixture('speech.mp3'))
    const status = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    const audio = await anyone.ask(textAt(status.body, 'audio_file').slice(service.url.length))
    expect(audio.headers.get('cache-control')).toBe('private')
  })
})

function controller() {
  const control = new AbortController()
  return { signal: control.signal, abort: () => control.abort() }
}
