import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { eq, sql } from 'drizzle-orm'
import OpenAI, { toFile } from 'openai'
import { argon2id } from '../../src/auth/argon2id.ts'
import { SETTINGS } from '../../src/config.ts'
import { users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { databases } from '../support/databases.ts'
import { eventsIn } from '../support/event-stream.ts'
import { insertOwned } from '../support/rows.ts'
import { freePort } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { wordErrorRate } from '../support/words.ts'
import { MAX_UPLOAD_BYTES, openPlace, type Place } from './place.ts'
import { buildForWorkerd, type EdgeProcess, runtimes, startEdge } from './runtimes.ts'

setDefaultTimeout(600_000)

const postgres = databases.find(({ name }) => name === 'Postgres')
const TEXT = (await Bun.file(join(ROOT, 'test/fixtures/README.md')).text()).match(/^> (.+)$/m)?.[1] ?? ''
const OVER = { status: 413, body: { code: 'too_large' } }
const PASSWORD = 'correct horse battery'

let place: Place
beforeAll(async () => {
  if (!postgres) return
  await buildForWorkerd()
  place = await openPlace(postgres)
}, 600_000)
afterAll(() => place?.close())

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

    beforeAll(async () => {
      edge = startEdge(command, place.settings)
      await edge.listening
      url = edge.url
      anyone = clientOf(url)
      token = await anyone.newToken()
      ada = anyone.as(token)
    })
    afterAll(() => edge?.kill('SIGKILL'))

    const idOf = (body: unknown) => textAt(body, 'transcription_id')

    /** The status of a transcription once it is over. */
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

    test('registers, logs in, says who one is, and refreshes', async () => {
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

    test('takes passwords that Bun has hashed, and Bun takes its', async () => {
      const [ofBun, ofEdge] = [1, 2].map(() => `${crypto.randomUUID()}@example.com`)
      if (!ofBun || !ofEdge) return expect.unreachable()
      await place.db.insert(users).values({ email: ofBun, passwordHash: await argon2id.hash(PASSWORD) })
      expect((await anyone.post('/api/auth/login', { email: ofBun, password: PASSWORD })).status).toBe(200)
      await anyone.post('/api/auth/register', { email: ofEdge, password: PASSWORD })
      const [user] = await place.db.select().from(users).where(eq(users.email, ofEdge))
      expect(await argon2id.verify(PASSWORD, user?.passwordHash ?? '')).toBe(true)
    })

    test('an API key does what it may, and nothing comes in without a token', async () => {
      const made = await ada.post('/api/auth/keys', { name: 'reader', scopes: ['read'] })
      const reader = anyone.as(textAt(made.body, 'key'))
      expect((await reader.ask('/api/transcriptions')).status).toBe(200)
      expect(await reader.upload(fixture('speech.mp3'))).toMatchObject({
        ...{ status: 403, body: { code: 'insufficient_scope' } },
      })
      expect(await anyone.ask('/api/transcriptions')).toMatchObject({
        ...{ status: 401, body: { code: 'unauthorized' } },
      })
    })

    test('a form’s audio is transcribed; status, transcript and list tell of it', async () => {
      const uploaded = await ada.upload(fixture('speech.mp3'), { words: 'true' })
      expect(uploaded).toMatchObject({ status: 202, body: { message: 'Transcription started' } })
      const id = idOf(uploaded.body)
      const done = await finished(id)
      expectSpeech(done)
      expect(done).toMatchObject({ codec: 'mp3', filename: 'speech.mp3', size: fixture('speech.mp3').size })
      const transcript = await ada.ask(`/api/transcriptions/${id}/transcript`)
      expect(transcript).toMatchObject({ status: 200, body: { text: textAt(done, 'transcription') } })
      const srt = await ada.ask(`/api/transcriptions/${id}/transcript?format=srt`)
      expect(srt.body).toStartWith('1\n00:00:00')
      expect((await ada.ask(`/api/transcriptions/${id}/waveform`)).status).toBe(200)
      const list = await ada.ask('/api/transcriptions?q=library')
      expect(list.body).toMatchObject({ transcriptions: [{ id, status: 'completed' }] })
    })

    test('a body’s audio is transcribed, and its events tell of it as it happens', async () => {
      const uploaded = await ada.ask('/api/transcribe?filename=speech.flac', {
        ...{ method: 'PUT', body: fixture('speech.flac') },
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

    test('Prefer: wait answers an upload when it is over', async () => {
      const form = new FormData()
      form.set('audio', fixture('speech.ogg'), 'speech.ogg')
      const headers = { prefer: 'wait=60' }
      const { status, body } = await ada.ask('/api/transcribe', { method: 'POST', body: form, headers })
      expect(status).toBe(200)
      expectSpeech(body)
    })

    describe('OpenAI’s client', () => {
      /** One of a new user, who has nothing else; `left` is what there is of it, in the list and in storage. */
      async function newcomer() {
        const key = await anyone.newToken()
        const who = anyone.as(key)
        const before = new Set(await place.keys())
        return {
          audio: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }).audio,
          async left() {
            const { body } = await who.ask('/api/transcriptions')
            const keys = (await place.keys()).filter((key) => !before.has(key))
            return [...Reflect.get(Object(body), 'transcriptions'), ...keys]
          },
        }
      }

      const speech = async () => ({
        file: await toFile(await fixture('speech.mp3').bytes(), 'speech.mp3'),
        model: 'whisper-1',
      })

      test('is answered with the text, of which nothing is kept', async () => {
        const { audio, left } = await newcomer()
        const asked = { ...(await speech()), response_format: 'verbose_json' as const }
        const { text, segments, duration } = await audio.transcriptions.create(asked)
        expect(wordErrorRate(TEXT, text)).toBeLessThanOrEqual(0.1)
        expect(segments?.map(({ text }) => text).join('')).toBe(` ${text}`)
        expect(duration).toBeCloseTo(7.1, 1)
        expect(await left()).toEqual([])
      })

      test('is answered with the text as it comes', async () => {
        const { audio, left } = await newcomer()
        const said: string[] = []
        let whole = ''
        for await (const event of await audio.transcriptions.create({ ...(await speech()), stream: true })) {
          if (event.type === 'transcript.text.delta') said.push(event.delta)
          if (event.type === 'transcript.text.done') whole = event.text
        }
        expect(wordErrorRate(TEXT, whole)).toBeLessThanOrEqual(0.1)
        expect(said.join('').trim()).toBe(whole)
        while ((await left()).length > 0) await Bun.sleep(20)
      })

      test.each(['the answer', 'the stream'])(
        'that leaves before the end of %s leaves nothing',
        async (what) => {
          const { audio, left } = await newcomer()
          const leaving = new AbortController()
          const asked = { ...(await speech()), stream: what === 'the stream' }
          const answer = audio.transcriptions.create(asked, { signal: leaving.signal })
          answer.catch(() => {})
          while ((await left()).length === 0) await Bun.sleep(5)
          leaving.abort()
          while ((await left()).length > 0) await Bun.sleep(20)
        },
      )

      test('is refused in its own words', async () => {
        const { audio } = await newcomer()
        const refusal = async (asked: { file: File; model: string }) =>
          audio.transcriptions.create(asked).catch((error: unknown) => error)
        const file = await toFile(new TextEncoder().encode('This is a text of some words.'), 'talk.mp3')
        expect(await refusal({ file, model: 'whisper-1' })).toMatchObject({
          ...{ status: 415, code: 'unsupported_type', type: 'invalid_request_error' },
        })
        expect(await refusal({ ...(await speech()), model: 'whisper-9' })).toMatchObject({
          ...{ status: 404, code: 'model_not_found', param: 'model' },
        })
      })
    })

    test('what comes in pieces, by tus, is transcribed', async () => {
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
          ...{ status: 204, offset: String(end) },
        })
      }
      const { body } = await ada.ask('/api/transcriptions?limit=1')
      expect(body).toMatchObject({ transcriptions: [{ size: audio.length }] })
    })

    test('the same Idempotency-Key gives the same transcription', async () => {
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const send = () => ada.ask('/api/transcribe', { method: 'PUT', body: fixture('speech.m4a'), headers })
      expect(idOf((await send()).body)).toBe(idOf((await send()).body))
    })

    test('the original is played at its link, also a range of it', async () => {
      const audio = await fixture('speech.wav').bytes()
      const id = idOf((await ada.ask('/api/transcribe', { method: 'PUT', body: audio })).body)
      const link = textAt((await ada.ask(`/api/transcriptions/${id}`)).body, 'audio_file')
      const whole = await fetch(link)
      // Bun announces no length of what it streams.
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

    test('what is canceled stays so; what is deleted is gone with every byte', async () => {
      const id = idOf((await ada.upload(fixture('speech.mp4'))).body)
      const canceled = await ada.ask(`/api/transcriptions/${id}/cancel`, { method: 'POST' })
      expect([200, 409]).toContain(canceled.status)
      expect((await place.keys()).some((key) => key.includes(id))).toBe(true)
      expect((await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).status).toBe(204)
      expect(await ada.ask(`/api/transcriptions/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
      expect((await place.keys()).some((key) => key.includes(id))).toBe(false)
    })

    describe('what is refused is refused with a word and leaves nothing', () => {
      /** Its folders, but for the pcm that workers write meanwhile. */
      const originals = async () => (await place.keys()).filter((key) => !key.includes('/pcm'))

      const large = new Blob([new Uint8Array(2 * MAX_UPLOAD_BYTES)])
      const unannounced = () => large.stream()

      test.each([
        ['a form over the limit', () => ada.upload(large), OVER],
        ['a body over the limit', () => ada.ask('/api/transcribe', { method: 'PUT', body: large }), OVER],
        [
          'a body over the limit that does not say how long it is',
          () => ada.ask('/api/transcribe', { method: 'PUT', body: unannounced() }),
          OVER,
        ],
        [
          'a text',
          () => ada.upload(new Blob(['This is a text of some words, and no recording at all.'])),
          { status: 415, body: { code: 'unsupported_type' } },
        ],
        [
          'garbage',
          () => ada.ask('/api/transcribe', { method: 'PUT', body: new Blob([new Uint8Array(5000).fill(7)]) }),
          { status: 415, body: { code: 'unsupported_type' } },
        ],
        ['nothing', () => ada.upload(new Blob([])), { status: 400, body: { code: 'empty' } }],
        ['a form without audio', () => ada.upload(null), { status: 400, body: { code: 'no_audio_file' } }],
        [
          'a language that there is not',
          () => ada.upload(fixture('speech.mp3'), { language: 'klingon' }),
          { status: 400, body: { code: 'validation' } },
        ],
        [
          'a URL to fetch audio from',
          () => ada.post('/api/transcribe', { audio_url: 'https://example.com/talk.mp3' }),
          {
            status: 400,
            body: { code: 'url_refused', error: 'Here no audio is fetched from URLs: send the audio itself' },
          },
        ],
      ])('%s', async (_, send, refusal) => {
        const before = await originals()
        expect(await send()).toMatchObject(refusal)
        expect(await originals()).toEqual(before)
      })
    })

    test('errors are a sentence and a word', async () => {
      expect(await ada.ask('/api/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(await ada.ask('/api/transcriptions/7')).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
      const broken = await anyone.ask('/api/auth/login', {
        ...{ method: 'POST', body: '{', headers: { 'content-type': 'application/json' } },
      })
      expect(broken).toMatchObject({ status: 400, body: { code: 'validation' } })
    })

    test('webhooks are registered, but none that leads to a private host', async () => {
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

    test('the document is valid OpenAPI; Swagger and all it loads come from here', async () => {
      const { body: document } = await anyone.ask('/swagger/json')
      const { valid, errors } = await new Validator().validate(Object(document))
      expect({ valid, errors }).toMatchObject({ valid: true })
      const page = textAt({ page: (await anyone.ask('/swagger')).body }, 'page')
      for (const [, path = ''] of page.matchAll(/(?:href|src)="([^"]+)"/g)) {
        expect((await fetch(new URL(path, url))).status).toBe(200)
      }
      expect((await anyone.ask('/health/ready')).body).toMatchObject({ ready: true })
    })

    test('a stream of events ends when its API key is revoked', async () => {
      const id = await insertOwned(place.db, { userId: textAt((await ada.ask('/api/auth/me')).body, 'id') })
      const made = (await ada.post('/api/auth/keys', { name: 'revoked', scopes: ['read'] })).body
      const headers = { authorization: `Bearer ${textAt(made, 'key')}` }
      const { body } = await fetch(`${url}/api/transcriptions/${id}/events`, { headers })
      const events = eventsIn(body ?? expect.unreachable())
      expect(await events.next()).toMatchObject({ event: 'status', data: { status: 'queued' } })
      await ada.ask(`/api/auth/keys/${textAt(made, 'id')}`, { method: 'DELETE' })
      expect(await events.next()).toMatchObject({ event: 'error', data: { code: 'unauthorized' } })
      expect(await events.next()).toBeNull()
      await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
    })

    test('a client that leaves while it listens leaves no connection behind', async () => {
      const id = idOf((await ada.upload(fixture('speech.mp3'))).body)
      const before = await connections()
      const leaving = new AbortController()
      const path = `${url}/api/transcriptions/${id}/events`
      const { body } = await fetch(path, { headers: ada.headers, signal: leaving.signal })
      await eventsIn(body ?? expect.unreachable()).next()
      leaving.abort()
      while ((await connections()) > before) await Bun.sleep(50)
      await finished(id)
    })

    /** How many the whole test has open, but for this one's own. */
    async function connections(): Promise<number> {
      const [row] = await place.db
        .select({ count: sql<number>`count(*)::int` })
        .from(sql`pg_stat_activity`)
        .where(sql`datname = current_database() and application_name = 'verbatim edge'`)
      return row?.count ?? 0
    }

    test('none of this was a defect', () => {
      expect(edge.output.filter((line) => /fail|error|warn|exception/i.test(line))).toEqual([])
    })

    // workerd opens no connection before a request comes.
    test.skipIf(name === 'workerd')('says in one line that the database cannot be opened', async () => {
      const url = `postgres://nobody@127.0.0.1:${freePort()}/none`
      const lost = startEdge(command, (own) => ({ ...place.settings(own), DATABASE_URL: url }))
      const said = await lost.listening.catch((error: Error) => error.message)
      expect(said).toContain('it ended with 1:\nThe database of DATABASE_URL cannot be opened: ')
      await lost.kill('SIGKILL')
    })

    test('ends when it is told to', async () => {
      const other = startEdge(command, place.settings)
      await other.listening
      expect(await other.kill('SIGTERM')).toBe(0)
    })

    test('says in one line what it lacks', async () => {
      const bare = startEdge(command, (url) => ({ ...place.settings(url), DATABASE_URL: '' }))
      const line =
        'The API on this runtime has no disk: set DATABASE_URL, STORAGE_URL, JWT_SECRET and PUBLIC_URL'
      expect(await bare.listening.catch((error: Error) => error.message)).toContain(line)
      await bare.kill('SIGKILL')
    })
  })
}

test('workerd is given every setting', async () => {
  const config = await readFile(join(ROOT, 'deploy/workerd.capnp'), 'utf8')
  const bound = [...config.matchAll(/\(name = "(\w+)", fromEnvironment = "(\w+)"\)/g)]
  expect(bound.map(([, name]) => name)).toEqual(Object.keys(SETTINGS))
  expect(bound.map(([, , from]) => from)).toEqual(Object.keys(SETTINGS))
})
