import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { eq, sql } from 'drizzle-orm'
import OpenAI, { toFile } from 'openai'
import { argon2id } from '../../src/auth/argon2id.ts'
import { SETTINGS } from '../../src/config.ts'
import { deliveries, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { databases } from '../support/databases.ts'
import { eventsIn } from '../support/event-stream.ts'
import { insertOwned } from '../support/rows.ts'
import { freePort } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { wordErrorRate } from '../support/words.ts'
import {
  CORS_ORIGIN,
  MAX_UPLOAD_BYTES,
  openRuntimeEnvironment,
  type RuntimeEnvironment,
} from './environment.ts'
import { buildForWorkerd, type EdgeProcess, runtimes, startEdge } from './runtimes.ts'

setDefaultTimeout(600_000)

const postgres = databases.find(({ name }) => name === 'Postgres')
const TEXT = (await Bun.file(join(ROOT, 'test/fixtures/README.md')).text()).match(/^> (.+)$/m)?.[1] ?? ''
const OVER = { status: 413, body: { code: 'too_large' } }
const PASSWORD = 'correct horse battery'

let environment: RuntimeEnvironment
beforeAll(async () => {
  if (!postgres) return
  await buildForWorkerd()
  environment = await openRuntimeEnvironment(postgres)
}, 600_000)
afterAll(() => environment?.close())

for (const { name, command } of runtimes) {
  const missing = 'missing' in command ? command.missing : postgres ? null : 'TEST_DATABASE_URL is not set'
  if (missing !== null || 'missing' in command) {
    test.skip(`the API on ${name}: ${missing}`, () => {})
    continue
  }

  describe(`the API on ${name}`, () => {
    let edge: EdgeProcess
    let url: string
    let anyone: Client
    let ada: Client
    let token: string
    let revoked: Awaited<ReturnType<typeof revokedStream>>

    beforeAll(async () => {
      edge = startEdge(command, environment.settings)
      await edge.listening
      url = edge.url
      anyone = clientOf(url)
      token = await anyone.newToken()
      ada = anyone.as(token)
      revoked = await revokedStream()
    })
    afterAll(() => edge?.kill('SIGKILL'))

    /**
     * An event stream whose API key has been revoked. The API notices it at its next check, up to 15 seconds later, so
     * other tests run meanwhile.
     */
    async function revokedStream() {
      const id = await insertOwned(environment.db, {
        userId: textAt((await ada.ask('/api/auth/me')).body, 'id'),
      })
      const made = (await ada.post('/api/auth/keys', { name: 'revoked', scopes: ['read'] })).body
      const headers = { authorization: `Bearer ${textAt(made, 'key')}` }
      const { body } = await fetch(`${url}/api/transcriptions/${id}/events`, { headers })
      const events = eventsIn(body ?? expect.unreachable())
      expect(await events.next()).toMatchObject({ event: 'status', data: { status: 'queued' } })
      await ada.ask(`/api/auth/keys/${textAt(made, 'id')}`, { method: 'DELETE' })
      return { id, events }
    }

    const idOf = (body: unknown) => textAt(body, 'transcription_id')

    /** The status of a transcription after it has ended. */
    async function finished(id: string): Promise<unknown> {
      for (;;) {
        const { body } = await ada.ask(`/api/transcriptions/${id}`, { headers: { prefer: 'wait=20' } })
        if (!['queued', 'processing'].includes(textAt(body, 'status'))) return body
      }
    }

    function expectSpeech(body: unknown) {
      expect(body).toMatchObject({ status: 'completed', failure: null })
      expect(wordErrorRate(TEXT, textAt(body, 'transcription'))).toBeLessThanOrEqual(0.1)
    }

    test('registers a user, logs in, returns the account, and refreshes tokens', async () => {
      const email = `${crypto.randomUUID()}@example.com`
      expect((await anyone.post('/api/auth/register', { email, password: PASSWORD })).status).toBe(201)
      const wrong = await anyone.post('/api/auth/login', { email, password: 'wrong horse battery' })
      expect(wrong).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
      const none = await anyone.post('/api/auth/login', { email: `x${email}`, password: PASSWORD })
      expect(none.body).toEqual(wrong.body)
      const session = (await anyone.post('/api/auth/login', { email, password: PASSWORD })).body
      const me = await anyone.as(textAt(session, 'access_token')).ask('/api/auth/me')
      expect(me).toMatchObject({ status: 200, body: { email } })
      const refreshed = await anyone.post('/api/auth/refresh', {
        refresh_token: textAt(session, 'refresh_token'),
      })
      expect(refreshed.status).toBe(200)
    })

    test('accepts a password that Bun hashed, and Bun accepts its hashes', async () => {
      const [ofBun, ofEdge] = [1, 2].map(() => `${crypto.randomUUID()}@example.com`)
      if (!ofBun || !ofEdge) return expect.unreachable()
      await environment.db.insert(users).values({ email: ofBun, passwordHash: await argon2id.hash(PASSWORD) })
      expect((await anyone.post('/api/auth/login', { email: ofBun, password: PASSWORD })).status).toBe(200)
      await anyone.post('/api/auth/register', { email: ofEdge, password: PASSWORD })
      const [user] = await environment.db.select().from(users).where(eq(users.email, ofEdge))
      expect(await argon2id.verify(PASSWORD, user?.passwordHash ?? '')).toBe(true)
    })

    test('limits an API key to its scopes, and refuses requests without a token', async () => {
      const made = await ada.post('/api/auth/keys', { name: 'reader', scopes: ['read'] })
      const reader = anyone.as(textAt(made.body, 'key'))
      expect((await reader.ask('/api/transcriptions')).status).toBe(200)
      expect(await reader.upload(fixture('speech.mp3'))).toMatchObject({
        status: 403,
        body: { code: 'insufficient_scope' },
      })
      expect(await anyone.ask('/api/transcriptions')).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
      })
    })

    test('transcribes the audio of a form, and returns its status, transcript and list entry', async () => {
      const uploaded = await ada.upload(fixture('speech.mp3'), { words: 'true', language: 'eng' })
      expect(uploaded).toMatchObject({ status: 202, body: { message: 'Transcription started' } })
      const id = idOf(uploaded.body)
      const done = await finished(id)
      expectSpeech(done)
      expect(done).toMatchObject({
        language: 'en',
        codec: 'mp3',
        filename: 'speech.mp3',
        size: fixture('speech.mp3').size,
      })
      const transcript = await ada.ask(`/api/transcriptions/${id}/transcript`)
      expect(transcript).toMatchObject({ status: 200, body: { text: textAt(done, 'transcription') } })
      const srt = await ada.ask(`/api/transcriptions/${id}/transcript?format=srt`)
      expect(srt.body).toStartWith('1\n00:00:00')
      expect((await ada.ask(`/api/transcriptions/${id}/waveform`)).status).toBe(200)
      const list = await ada.ask('/api/transcriptions?q=library')
      expect(list.body).toMatchObject({ transcriptions: [{ id, status: 'completed' }] })
    })

    test('transcribes the audio of a raw body, and streams its events', async () => {
      const uploaded = await ada.ask('/api/transcribe?filename=speech.flac', {
        method: 'PUT',
        body: fixture('speech.flac'),
      })
      const id = idOf(uploaded.body)
      const path = `${url}/api/transcriptions/${id}/events`
      const { body, headers } = await fetch(path, { headers: ada.headers })
      expect(headers.get('content-type')).toBe('text/event-stream')
      const events = eventsIn(body ?? expect.unreachable())
      expect(await events.next()).toMatchObject({ event: 'status', data: { id } })
      expect(await events.until('segments')).toMatchObject({ start: 0, end: 7.100875 })
      expectSpeech(await events.until('status', ({ status }) => status === 'completed'))
      expect(await events.next()).toBeNull()
    })

    test('streams events at the link of the status, without a token', async () => {
      const id = idOf((await ada.ask('/api/transcribe', { method: 'PUT', body: fixture('speech.ogg') })).body)
      const link = textAt((await ada.ask(`/api/transcriptions/${id}`)).body, 'events')
      const events = eventsIn((await fetch(link)).body ?? expect.unreachable())
      const last = await events.until('status', ({ status }) => status === 'completed')
      expectSpeech(last)
      expect(last).toMatchObject({ audio_file: null, events: null })
      expect(await events.next()).toBeNull()
      expect((await fetch(`${link}0`)).status).toBe(404)
    })

    test('answers preflights of the configured origin, which can read responses and errors', async () => {
      const requests: [method: string, path: string, status: number][] = [
        ['GET', '/api/transcriptions', 200],
        ['POST', '/api/uploads', 400],
        ['GET', '/api/uploads/none', 404],
        ['GET', '/nowhere', 404],
        ['GET', '/api/auth/login', 405],
      ]
      for (const [method, path, status] of requests) {
        for (const origin of [CORS_ORIGIN, 'https://evil.example']) {
          const allowed = origin === CORS_ORIGIN ? origin : null
          const asked = await ada.ask(path, {
            method: 'OPTIONS',
            headers: {
              origin,
              'access-control-request-method': method,
              'access-control-request-headers': 'authorization',
            },
          })
          const answer = await ada.ask(path, { method, headers: { origin } })
          expect({
            path,
            preflight: asked.headers.get('access-control-allow-origin'),
            headers: asked.headers.get('access-control-allow-headers'),
            status: answer.status,
            origin: answer.headers.get('access-control-allow-origin'),
            vary: answer.headers.get('vary'),
            isExposed:
              answer.headers.get('access-control-expose-headers')?.includes('Upload-Offset') ?? false,
          }).toEqual({
            path,
            preflight: allowed,
            headers: allowed && 'authorization',
            status,
            origin: allowed,
            vary: 'Origin',
            isExposed: allowed !== null,
          })
          if (allowed) expect(asked.status).toBe(204)
        }
      }
      const refused = await anyone.ask('/api/transcriptions', { headers: { origin: CORS_ORIGIN } })
      expect(refused.status).toBe(401)
      expect(refused.headers.get('access-control-allow-origin')).toBe(CORS_ORIGIN)
    })

    test('answers an upload with Prefer: wait when the transcription is completed', async () => {
      const form = new FormData()
      form.set('audio', fixture('speech.ogg'), 'speech.ogg')
      const headers = { prefer: 'wait=60' }
      const { status, body } = await ada.ask('/api/transcribe', { method: 'POST', body: form, headers })
      expect(status).toBe(200)
      expectSpeech(body)
    })

    describe('OpenAI’s client', () => {
      /**
       * The client of a new user; `left` returns the user's list entries and all storage keys that were
       * added.
       */
      async function newcomer() {
        const key = await anyone.newToken()
        const who = anyone.as(key)
        const before = new Set(await environment.keys())
        return {
          audio: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }).audio,
          async left() {
            const { body } = await who.ask('/api/transcriptions')
            const keys = (await environment.keys()).filter((key) => !before.has(key))
            return [...Reflect.get(Object(body), 'transcriptions'), ...keys]
          },
        }
      }

      const speech = async () => ({
        file: await toFile(await fixture('speech.mp3').bytes(), 'speech.mp3'),
        model: 'whisper-1',
      })

      test('gets the text, and leaves no data', async () => {
        const { audio, left } = await newcomer()
        const request = { ...(await speech()), response_format: 'verbose_json' as const }
        const { text, segments, duration } = await audio.transcriptions.create(request)
        expect(wordErrorRate(TEXT, text)).toBeLessThanOrEqual(0.1)
        expect(segments?.map(({ text }) => text).join('')).toBe(` ${text}`)
        expect(duration).toBeCloseTo(7.1, 1)
        expect(await left()).toEqual([])
      })

      test('gets the text as a stream', async () => {
        const { audio, left } = await newcomer()
        const deltas: string[] = []
        let whole = ''
        for await (const event of await audio.transcriptions.create({ ...(await speech()), stream: true })) {
          if (event.type === 'transcript.text.delta') deltas.push(event.delta)
          if (event.type === 'transcript.text.done') whole = event.text
        }
        expect(wordErrorRate(TEXT, whole)).toBeLessThanOrEqual(0.1)
        expect(deltas.join('').trim()).toBe(whole)
        while ((await left()).length > 0) await Bun.sleep(20)
      })

      test.each(['response', 'stream'])(
        'leaves no data if it disconnects before the end of the %s',
        async (kind) => {
          const { audio, left } = await newcomer()
          const disconnect = new AbortController()
          const request = { ...(await speech()), stream: kind === 'stream' }
          const answer = audio.transcriptions.create(request, { signal: disconnect.signal })
          answer.catch(() => {})
          while ((await left()).length === 0) await Bun.sleep(5)
          disconnect.abort()
          while ((await left()).length > 0) await Bun.sleep(20)
        },
      )

      test('gets refusals in OpenAI’s form', async () => {
        const { audio } = await newcomer()
        const refusal = async (request: { file: File; model: string }) =>
          audio.transcriptions.create(request).catch((error: unknown) => error)
        const file = await toFile(new TextEncoder().encode('This is a text of some words.'), 'talk.mp3')
        expect(await refusal({ file, model: 'whisper-1' })).toMatchObject({
          status: 415,
          code: 'unsupported_type',
          type: 'invalid_request_error',
        })
        expect(await refusal({ ...(await speech()), model: 'whisper-9' })).toMatchObject({
          status: 404,
          code: 'model_not_found',
          param: 'model',
        })
      })
    })

    test('transcribes a resumable upload in pieces', async () => {
      const audio = await fixture('speech.webm').bytes()
      const tus = { 'tus-resumable': '1.0.0' }
      const created = await ada.ask('/api/uploads', {
        method: 'POST',
        headers: { ...tus, 'upload-length': String(audio.length) },
      })
      expect(created.status).toBe(201)
      const at = new URL(created.headers.get('location') ?? '', url).pathname
      for (const [start, end] of [
        [0, 20_000],
        [20_000, audio.length],
      ] as const) {
        const sent = await ada.ask(at, {
          method: 'PATCH',
          headers: {
            ...tus,
            'upload-offset': String(start),
            'content-type': 'application/offset+octet-stream',
          },
          body: audio.slice(start, end),
        })
        expect({ status: sent.status, offset: sent.headers.get('upload-offset') }).toEqual({
          status: 204,
          offset: String(end),
        })
      }
      const { body } = await ada.ask('/api/transcriptions?limit=1')
      expect(body).toMatchObject({ transcriptions: [{ size: audio.length }] })
    })

    test('returns the same transcription for the same Idempotency-Key', async () => {
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const send = () => ada.ask('/api/transcribe', { method: 'PUT', body: fixture('speech.m4a'), headers })
      expect(idOf((await send()).body)).toBe(idOf((await send()).body))
    })

    test('serves the original at its signed link, also a range of it', async () => {
      const audio = await fixture('speech.wav').bytes()
      const id = idOf((await ada.ask('/api/transcribe', { method: 'PUT', body: audio })).body)
      const link = textAt((await ada.ask(`/api/transcriptions/${id}`)).body, 'audio_file')
      const whole = await fetch(link)
      // Bun sends no Content-Length with a stream.
      const length = name === 'Bun' ? null : String(audio.length)
      expect(whole.headers.get('content-length')).toBe(length)
      expect(whole.headers.get('content-type')).toBe('audio/wav')
      expect(await whole.bytes()).toEqual(audio)
      const part = await fetch(link, { headers: { range: 'bytes=1000-1999' } })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe(`bytes 1000-1999/${audio.length}`)
      expect(await part.bytes()).toEqual(audio.slice(1000, 2000))
      expect((await fetch(`${link}0`)).status).toBe(404)
      expect(
        (await fetch(link, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } })).status,
      ).toBe(304)
    })

    test('cancels a transcription, and deletes one with all of its files', async () => {
      const id = idOf((await ada.upload(fixture('speech.mp4'))).body)
      const canceled = await ada.ask(`/api/transcriptions/${id}/cancel`, { method: 'POST' })
      expect([200, 409]).toContain(canceled.status)
      expect((await environment.keys()).some((key) => key.includes(id))).toBe(true)
      expect((await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).status).toBe(204)
      expect(await ada.ask(`/api/transcriptions/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
      expect((await environment.keys()).some((key) => key.includes(id))).toBe(false)
    })

    describe('refuses an upload with a code and keeps no file:', () => {
      /** The storage keys except those of pcm, which workers write meanwhile. */
      const originals = async () => (await environment.keys()).filter((key) => !key.includes('/pcm'))

      const large = new Blob([new Uint8Array(2 * MAX_UPLOAD_BYTES)])
      const unannounced = () => large.stream()

      test.each([
        ['a form over the limit', () => ada.upload(large), OVER],
        ['a body over the limit', () => ada.ask('/api/transcribe', { method: 'PUT', body: large }), OVER],
        [
          'a body over the limit without a Content-Length',
          () => ada.ask('/api/transcribe', { method: 'PUT', body: unannounced() }),
          OVER,
        ],
        [
          'a text file',
          () => ada.upload(new Blob(['This is a text of some words, and no recording at all.'])),
          { status: 415, body: { code: 'unsupported_type' } },
        ],
        [
          'random bytes',
          () => ada.ask('/api/transcribe', { method: 'PUT', body: new Blob([new Uint8Array(5000).fill(7)]) }),
          { status: 415, body: { code: 'unsupported_type' } },
        ],
        ['an empty file', () => ada.upload(new Blob([])), { status: 400, body: { code: 'empty' } }],
        ['a form without audio', () => ada.upload(null), { status: 400, body: { code: 'no_audio_file' } }],
        [
          'an unknown language',
          () => ada.upload(fixture('speech.mp3'), { language: 'klingon' }),
          { status: 400, body: { code: 'validation' } },
        ],
        [
          'a URL to fetch audio from',
          () => ada.post('/api/transcribe', { audio_url: 'https://example.com/talk.mp3' }),
          {
            status: 400,
            body: {
              code: 'url_refused',
              error: 'This server does not download from URLs: upload the audio instead',
            },
          },
        ],
      ])('%s', async (_, send, refusal) => {
        const before = await originals()
        expect(await send()).toMatchObject(refusal)
        expect(await originals()).toEqual(before)
      })
    })

    test('returns errors with a code', async () => {
      expect(await ada.ask('/api/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(await ada.ask('/api/transcriptions/7')).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
      const broken = await anyone.ask('/api/auth/login', {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' },
      })
      expect(broken).toMatchObject({ status: 400, body: { code: 'validation' } })
    })

    test('registers webhooks, but none with a private host', async () => {
      const register = (url: string) => ada.post('/api/webhooks', { url })
      expect(await register('https://127.0.0.1/hook')).toMatchObject({
        status: 400,
        body: { code: 'url_refused' },
      })
      expect(await register('http://example.com/hook')).toMatchObject({
        status: 400,
        body: { code: 'url_refused' },
      })
      expect((await register('https://example.com/hook')).status).toBe(201)
    })

    test('answers a callback of Deepgram’s at once, and the worker sends the message', async () => {
      const callback = 'https://callback.invalid/hook'
      const path = `/deepgram/v1/listen?callback=${encodeURIComponent(callback)}`
      const { status, body } = await ada.ask(path, { method: 'POST', body: fixture('speech.mp3') })
      expect(status).toBe(200)
      const id = textAt(body, 'request_id')
      expectSpeech(await finished(id))
      const { body: log } = await ada.ask('/api/webhooks/uploads/deliveries')
      expect(log).toMatchObject({ deliveries: [{ url: callback, transcription_id: id }] })
      const attempts = async () => {
        const rows = await environment.db.select().from(deliveries).where(eq(deliveries.url, callback))
        return rows.find(({ transcriptionId }) => transcriptionId === id)?.attempts ?? []
      }
      while ((await attempts()).length === 0) await Bun.sleep(100)
      expect((await attempts())[0]?.error).toContain('callback.invalid was not found')
    })

    test('serves a valid OpenAPI document, and Swagger with all of its files', async () => {
      const { body: document } = await anyone.ask('/swagger/json')
      const { valid, errors } = await new Validator().validate(Object(document))
      expect({ valid, errors }).toMatchObject({ valid: true })
      const page = textAt({ page: (await anyone.ask('/swagger')).body }, 'page')
      for (const [, path = ''] of page.matchAll(/(?:href|src)="([^"]+)"/g)) {
        expect((await fetch(new URL(path, url))).status).toBe(200)
      }
      expect((await anyone.ask('/health/ready')).body).toMatchObject({ ready: true })
    })

    test('serves the page with all of its files', async () => {
      for (const encoding of ['gzip', 'identity']) {
        const headers = { accept: 'text/html', 'accept-encoding': encoding }
        const html = await (await fetch(url, { headers })).text()
        const paths = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path = '']) => path)
        const [script = ''] = paths.filter((path) => path.endsWith('.js'))
        expect(await (await fetch(url + script, { headers })).text()).toContain('addEventListener')
        for (const path of paths) expect((await fetch(url + path, { headers })).status).toBe(200)
      }
      expect((await anyone.ask('/')).body).toMatchObject({ code: 'not_found' })
    })

    test('ends an event stream when its API key is revoked', async () => {
      const { id, events } = revoked
      expect(await events.next()).toMatchObject({ event: 'error', data: { code: 'unauthorized' } })
      expect(await events.next()).toBeNull()
      await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
    })

    test('closes the database connection of an event stream when its client disconnects', async () => {
      const id = idOf((await ada.upload(fixture('speech.mp3'))).body)
      const before = await connections()
      const disconnect = new AbortController()
      const path = `${url}/api/transcriptions/${id}/events`
      const { body } = await fetch(path, { headers: ada.headers, signal: disconnect.signal })
      await eventsIn(body ?? expect.unreachable()).next()
      disconnect.abort()
      while ((await connections()) > before) await Bun.sleep(50)
      await finished(id)
    })

    /** The number of database connections of the edge API. */
    async function connections(): Promise<number> {
      const [row] = await environment.db
        .select({ count: sql<number>`count(*)::int` })
        .from(sql`pg_stat_activity`)
        .where(sql`datname = current_database() and application_name = 'verbatim edge'`)
      return row?.count ?? 0
    }

    test('logs no error during these tests', () => {
      expect(edge.output.filter((line) => /fail|error|warn|exception/i.test(line))).toEqual([])
    })

    // workerd opens no connection before a request comes.
    test.skipIf(name === 'workerd')('reports in one line that it cannot open the database', async () => {
      const url = `postgres://nobody@127.0.0.1:${freePort()}/none`
      const lost = startEdge(command, (own) => ({ ...environment.settings(own), DATABASE_URL: url }))
      const said = await lost.listening.catch((error: Error) => error.message)
      expect(said).toContain('it ended with 1:\nThe database of DATABASE_URL cannot be opened: ')
      await lost.kill('SIGKILL')
    })

    test('ends at SIGTERM', async () => {
      const other = startEdge(command, environment.settings)
      await other.listening
      expect(await other.kill('SIGTERM')).toBe(0)
    })

    test('reports missing settings in one line', async () => {
      const bare = startEdge(command, (url) => ({ ...environment.settings(url), DATABASE_URL: '' }))
      const line =
        'The API on this runtime has no disk: set DATABASE_URL, STORAGE_URL, JWT_SECRET and PUBLIC_URL'
      expect(await bare.listening.catch((error: Error) => error.message)).toContain(line)
      await bare.kill('SIGKILL')
    })
  })
}

test('deploy/workerd.capnp passes every setting to workerd', async () => {
  const config = await readFile(join(ROOT, 'deploy/workerd.capnp'), 'utf8')
  const bound = [...config.matchAll(/\(name = "(\w+)", fromEnvironment = "(\w+)"\)/g)]
  expect(bound.map(([, name]) => name)).toEqual(Object.keys(SETTINGS))
  expect(bound.map(([, , from]) => from)).toEqual(Object.keys(SETTINGS))
})
