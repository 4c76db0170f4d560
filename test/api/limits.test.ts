import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test'
import { sql } from 'drizzle-orm'
import { counters, transcriptions, usage } from '../../src/db/schema.ts'
import { addDone, fail, setLength } from '../../src/transcriptions/transcriptions.store.ts'
import { type Answer, type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

setDefaultTimeout(60_000)

/** As the header of speech.mp3 claims. */
const SPEECH_SECONDS = 7.2
const password = 'correct horse battery'

describe.each(databases)('limits on $name', (kind) => {
  let service: TestService
  let anyone: Client
  const start = async (limits: NonNullable<Parameters<typeof startService>[0]['limits']>) => {
    service = await startService({ kind, limits })
    anyone = clientOf(service.url)
  }
  const someone = async () => anyone.as(await anyone.newToken())
  const upload = (client: Client, fields: Record<string, string> = {}) =>
    client.upload(fixture('speech.mp3'), fields)
  const idOf = ({ body }: Answer) => textAt(body, 'transcription_id')
  const statuses = (answers: Answer[]) => answers.map(({ status }) => status).sort()

  describe('of requests', () => {
    beforeAll(() => start({ requestsPerMinute: 4 }))
    afterAll(() => service.close())

    test('every answer says what is left, of whatever kind it is, by token or key', async () => {
      const ada = await someone()
      const made = await ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
      const program = anyone.as(textAt(made.body, 'key'))
      const id = textAt(made.body, 'id')
      const answers = [
        made,
        await program.ask(`/api/transcriptions/${crypto.randomUUID()}`),
        await program.post('/api/transcribe', {}),
        await ada.ask(`/api/auth/keys/${id}`, { method: 'DELETE' }),
        await ada.ask('/api/auth/me'),
      ]
      expect(answers.map(({ status }) => status)).toEqual([201, 404, 403, 204, 429])
      for (const [place, { headers }] of answers.entries()) {
        expect(headers.get('ratelimit-policy')).toBe('"requests";q=4;w=60')
        const left = Math.max(0, 3 - place)
        expect(headers.get('ratelimit')).toMatch(new RegExp(`^"requests";r=${left};t=([1-9]|[1-5]\\d|60)$`))
      }
      const last = answers.at(-1)
      expect(last).toMatchObject({ body: { code: 'rate_limited' } })
      expect(last?.headers.get('ratelimit')).toEndWith(`t=${last?.headers.get('retry-after')}`)
    })

    test('is a user’s own, and over after its minute', async () => {
      const ada = await someone()
      const me = async (client: Client) => (await client.ask('/api/auth/me')).status
      for (let count = 0; count < 4; count++) expect(await me(ada)).toBe(200)
      expect(await me(ada)).toBe(429)
      expect(await me(await someone())).toBe(200)
      await service.db.update(counters).set({ until: sql`now() - interval '1 second'` })
      expect(await me(ada)).toBe(200)
    })

    test('counts nothing for who is not known', async () => {
      const before = await service.db.select().from(counters)
      expect((await anyone.as('vk_unknown').ask('/api/auth/me')).status).toBe(401)
      expect(await service.db.select().from(counters)).toEqual(before)
    })
  })

  describe('of transcriptions at a time', () => {
    beforeAll(() => start({ maxOpen: 2 }))
    afterAll(() => service.close())

    const refusal = { status: 429, body: { code: 'too_many_transcriptions' } }

    test('of many at once as many are taken as may be, and the rest leaves nothing', async () => {
      const ada = await someone()
      const before = (await service.files()).length
      const answers = await Promise.all(Array.from({ length: 5 }, () => upload(ada)))
      expect(statuses(answers)).toEqual([202, 202, 429, 429, 429])
      // Of each the audio and its manifest.
      expect((await service.files()).length).toBe(before + 4)
      expect((await upload(await someone())).status).toBe(202)
    })

    test('there is room again once one is over', async () => {
      const ada = await someone()
      const [first] = [idOf(await upload(ada)), await upload(ada)]
      const refused = await upload(ada)
      expect(refused).toMatchObject(refusal)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      await ada.post(`/api/transcriptions/${first}/cancel`, {})
      expect((await upload(ada)).status).toBe(202)
      expect(await upload(ada)).toMatchObject(refusal)
    })

    test('is looked at before an upload is read', async () => {
      const ada = await someone()
      await Promise.all([upload(ada), upload(ada)])
      // What is no audio is told so only once it is read.
      expect(await ada.upload(new Blob(['This is no audio.']))).toMatchObject(refusal)
    })
  })

  describe('of seconds of audio a day', () => {
    beforeAll(() => start({ audioSecondsPerDay: 15 }))
    afterAll(() => service.close())
    // Each of these tests is about one day, in UTC.
    beforeEach(async () => {
      const leftMs = 86_400_000 - (Date.now() % 86_400_000)
      if (leftMs < 20_000) await Bun.sleep(leftMs)
    })
    afterEach(async () => {
      await service.db.delete(transcriptions)
    })

    const refusal = { status: 429, body: { code: 'audio_limit_reached' } }
    const used = async (client: Client) => {
      const id = textAt((await client.ask('/api/auth/me')).body, 'id')
      const [row] = await service.db.select().from(usage).where(sql`${usage.userId} = ${id}`)
      return {
        transcriptions: row?.transcriptions ?? 0,
        seconds: Math.round((row?.audioSeconds ?? 0) * 10) / 10,
      }
    }
    const prepared = (id: string, seconds: number) =>
      service.db.transaction((tx) =>
        setLength(tx, { id, totalSamples: seconds * 16_000, workSamples: seconds * 16_000 }),
      )
    const done = (id: string, seconds: number) =>
      service.db.transaction((tx) => addDone(tx, { id, samples: seconds * 16_000 }))

    test('of many at once as many are taken as fit in', async () => {
      const ada = await someone()
      const answers = await Promise.all(Array.from({ length: 4 }, () => upload(ada)))
      expect(statuses(answers)).toEqual([202, 202, 429, 429])
      expect(await used(ada)).toEqual({ transcriptions: 2, seconds: 2 * SPEECH_SECONDS })
      const refused = await upload(ada)
      expect(refused).toMatchObject(refusal)
      const seconds = Number(refused.headers.get('retry-after'))
      const toMidnight = 86_400 - (Math.floor(Date.now() / 1000) % 86_400)
      expect(Math.abs(seconds - toMidnight)).toBeLessThan(60)
      expect(refused.headers.get('ratelimit')).toBe(`"audio-seconds";r=1;t=${seconds}`)
      expect((await upload(ada, { end: '0.5' })).status).toBe(202)
      expect((await upload(await someone())).status).toBe(202)
    })

    test('what counts is what is transcribed: the part, each channel, the true length', async () => {
      const ada = await someone()
      await upload(ada, { start: '1', end: '3' })
      expect(await used(ada)).toEqual({ transcriptions: 1, seconds: 2 })
      await upload(ada, { start: '6', end: '60', channels: 'split' })
      expect(await used(ada)).toEqual({ transcriptions: 2, seconds: 3.2 })
      const id = idOf(await upload(ada))
      await prepared(id, 100)
      expect(await used(ada)).toEqual({ transcriptions: 3, seconds: 103.2 })
      expect(await upload(ada)).toMatchObject(refusal)
    })

    test('what was never transcribed is given back, what was is not, also when it is deleted', async () => {
      const ada = await someone()
      const [canceled = '', failed = ''] = [await upload(ada), await upload(ada)].map(idOf)
      await ada.post(`/api/transcriptions/${canceled}/cancel`, {})
      await fail(service.db, { id: failed, code: 'corrupt', message: 'It is no audio' })
      expect(await used(ada)).toEqual({ transcriptions: 2, seconds: 0 })
      const begun = [await upload(ada), await upload(ada)].map(idOf)
      for (const id of begun) await done(id, 2)
      await ada.post(`/api/transcriptions/${begun[0]}/cancel`, {})
      for (const id of begun) await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
      expect(await used(ada)).toEqual({ transcriptions: 4, seconds: 4 })
      const kept = idOf(await upload(ada))
      await prepared(kept, 10)
      await ada.ask(`/api/transcriptions/${kept}`, { method: 'DELETE' })
      expect(await used(ada)).toEqual({ transcriptions: 5, seconds: 14 })
      const unprepared = idOf(await upload(ada, { end: '0.5' }))
      await ada.ask(`/api/transcriptions/${unprepared}`, { method: 'DELETE' })
      expect(await used(ada)).toEqual({ transcriptions: 6, seconds: 14 })
    })

    test('audio that is longer than a whole day’s is too long', async () => {
      const ada = await someone()
      const answer = await ada.upload(new Blob([silence(16)]), {}, 'silence.wav')
      expect(answer).toMatchObject({ status: 413, body: { code: 'too_long' } })
      expect(await used(ada)).toEqual({ transcriptions: 0, seconds: 0 })
    })

    test('yesterday’s does not count today', async () => {
      const ada = await someone()
      await Promise.all([upload(ada), upload(ada)])
      expect(await upload(ada)).toMatchObject(refusal)
      await service.db.update(usage).set({ day: sql`${usage.day} - 1` })
      expect((await upload(ada)).status).toBe(202)
    })
  })

  describe('of log-ins', () => {
    beforeAll(() => start({ loginsPerMinute: 3 }))
    afterAll(() => service.close())
    afterEach(async () => {
      await service.db.delete(counters)
    })

    let address = 0
    const login = (sent: { email: string; password: string }, from = `192.0.2.${++address}`) =>
      anyone.ask('/api/auth/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
        body: JSON.stringify(sent),
      })
    const refusal = { status: 429, body: { code: 'rate_limited' } }

    test('for an account from an address: also the right password waits; alike for one that is not there', async () => {
      const email = 'ada@example.com'
      await anyone.post('/api/auth/register', { email, password })
      await service.db.delete(counters)
      for (const tried of [email, 'nobody@example.com']) {
        const from = `192.0.2.${++address}`
        const written = [tried, tried.toUpperCase(), tried]
        for (const one of written) {
          expect(await login({ email: one, password: 'a wrong one' }, from)).toMatchObject({ status: 401 })
        }
        const refused = await login({ email: tried, password }, from)
        expect(refused).toMatchObject(refusal)
        expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
      }
    })

    test('from an address, for whatever account, registrations too', async () => {
      const from = '198.51.100.1'
      for (let place = 0; place < 2; place++) {
        const email = `${place}@example.com`
        expect(await login({ email, password: 'a wrong one' }, from)).toMatchObject({ status: 401 })
      }
      const register = (email: string) =>
        anyone.ask('/api/auth/register', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
          body: JSON.stringify({ email, password }),
        })
      expect((await register('bob@example.com')).status).toBe(201)
      expect(await register('eve@example.com')).toMatchObject(refusal)
      expect(await login({ email: 'bob@example.com', password }, from)).toMatchObject(refusal)
      expect((await login({ email: 'bob@example.com', password })).status).toBe(200)
    })

    test('passwords cannot be guessed with an access token either', async () => {
      const ada = await someone()
      const change = () =>
        ada.post('/api/auth/password', { current_password: 'a guess', new_password: password })
      for (let tried = 0; tried < 3; tried++) expect((await change()).status).toBe(403)
      expect(await change()).toMatchObject(refusal)
    })
  })

  test('where there is no limit nothing is counted', async () => {
    await start({})
    try {
      const ada = await someone()
      // Registering is limited always; her requests are not.
      await service.db.delete(counters)
      const { headers } = await ada.ask('/api/auth/me')
      expect(headers.get('ratelimit')).toBeNull()
      expect(await service.db.select().from(counters)).toEqual([])
    } finally {
      await service.close()
    }
  })
})

/** A wav of so many seconds. */
function silence(seconds: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + seconds * 16_000)
  const view = new DataView(bytes.buffer)
  const write = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at)
  write(0, 'RIFF')
  view.setUint32(4, bytes.length - 8, true)
  write(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, 8000, true)
  view.setUint32(28, 16_000, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  write(36, 'data')
  view.setUint32(40, bytes.length - 44, true)
  return bytes
}
