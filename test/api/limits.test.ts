import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { counters, transcriptions, usage } from '../../src/db/schema.ts'
import { addDoneSamples, fail, setLength } from '../../src/transcriptions/transcriptions.store.ts'
import { type Answer, type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

/** The duration in the header of speech.mp3. */
const SPEECH_SECONDS = 7.2
const password = 'correct horse battery'

describe.each(databases)('limits on $name', (kind) => {
  let service: TestService
  let anyone: Client
  const start = async (limits: NonNullable<Parameters<typeof startService>[0]['limits']>) => {
    service = await startService({ kind, limits })
    anyone = clientOf(service.url)
  }
  const newClient = async () => anyone.as(await anyone.newToken())
  const upload = (client: Client, fields: Record<string, string> = {}) =>
    client.upload(fixture('speech.mp3'), fields)
  const idOf = ({ body }: Answer) => textAt(body, 'transcription_id')
  const statuses = (answers: Answer[]) => answers.map(({ status }) => status).sort()

  describe('requests', () => {
    beforeAll(() => start({ requestsPerMinute: 4 }))
    afterAll(() => service.close())

    test('are reported in the headers of every response, by access token and API key', async () => {
      const ada = await newClient()
      const created = await ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
      const program = anyone.as(textAt(created.body, 'key'))
      const id = textAt(created.body, 'id')
      const answers = [
        created,
        await program.ask(`/api/transcriptions/${crypto.randomUUID()}`),
        await program.post('/api/transcribe', {}),
        await ada.ask(`/api/auth/keys/${id}`, { method: 'DELETE' }),
        await ada.ask('/api/auth/me'),
      ]
      expect(answers.map(({ status }) => status)).toEqual([201, 404, 403, 204, 429])
      for (const [index, { headers }] of answers.entries()) {
        expect(headers.get('ratelimit-policy')).toBe('"requests";q=4;w=60')
        const remaining = Math.max(0, 3 - index)
        expect(headers.get('ratelimit')).toMatch(
          new RegExp(`^"requests";r=${remaining};t=([1-9]|[1-5]\\d|60)$`),
        )
      }
      const last = answers.at(-1)
      expect(last).toMatchObject({ body: { code: 'rate_limited' } })
      expect(last?.headers.get('ratelimit')).toEndWith(`t=${last?.headers.get('retry-after')}`)
    })

    test('are counted for each user and minute', async () => {
      const ada = await newClient()
      const me = async (client: Client) => (await client.ask('/api/auth/me')).status
      for (let count = 0; count < 4; count++) expect(await me(ada)).toBe(200)
      expect(await me(ada)).toBe(429)
      expect(await me(await newClient())).toBe(200)
      await service.db.update(counters).set({ until: sql`now() - interval '1 second'` })
      expect(await me(ada)).toBe(200)
    })

    test('are not counted for an unknown caller', async () => {
      const before = await service.db.select().from(counters)
      expect((await anyone.as('vk_unknown').ask('/api/auth/me')).status).toBe(401)
      expect(await service.db.select().from(counters)).toEqual(before)
    })
  })

  describe('open transcriptions', () => {
    beforeAll(() => start({ maxOpen: 2 }))
    afterAll(() => service.close())

    const refusal = { status: 429, body: { code: 'too_many_transcriptions' } }

    test('are limited for concurrent uploads, and a refused upload leaves no file', async () => {
      const ada = await newClient()
      const before = (await service.files()).length
      const answers = await Promise.all(Array.from({ length: 5 }, () => upload(ada)))
      expect(statuses(answers)).toEqual([202, 202, 429, 429, 429])
      // The audio and the manifest of each.
      expect((await service.files()).length).toBe(before + 4)
      expect((await upload(await newClient())).status).toBe(202)
    })

    test('are free again when a transcription ends', async () => {
      const ada = await newClient()
      const [first] = [idOf(await upload(ada)), await upload(ada)]
      const refused = await upload(ada)
      expect(refused).toMatchObject(refusal)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      await ada.post(`/api/transcriptions/${first}/cancel`, {})
      expect((await upload(ada)).status).toBe(202)
      expect(await upload(ada)).toMatchObject(refusal)
    })

    test('are checked before an upload is read', async () => {
      const ada = await newClient()
      await Promise.all([upload(ada), upload(ada)])
      // A body that is not audio is refused only after it was read.
      expect(await ada.upload(new Blob(['This is no audio.']))).toMatchObject(refusal)
    })
  })

  describe('audio seconds a day', () => {
    beforeAll(() => start({ audioSecondsPerDay: 15 }))
    afterAll(() => service.close())
    // Each of these tests must run within one UTC day.
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
        setLength(tx, {
          id,
          decodingRound: 0,
          totalSamples: seconds * 16_000,
          workSamples: seconds * 16_000,
          warnings: [],
        }),
      )
    const done = (id: string, seconds: number) =>
      service.db.transaction((tx) => addDoneSamples(tx, { id, samples: seconds * 16_000 }))

    test('are limited for concurrent uploads', async () => {
      const ada = await newClient()
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
      expect((await upload(await newClient())).status).toBe(202)
    })

    test('count the time range, each channel, and the decoded length', async () => {
      const ada = await newClient()
      await upload(ada, { start: '1', end: '3' })
      expect(await used(ada)).toEqual({ transcriptions: 1, seconds: 2 })
      await upload(ada, { start: '6', end: '60', channels: 'split' })
      expect(await used(ada)).toEqual({ transcriptions: 2, seconds: 3.2 })
      const id = idOf(await upload(ada))
      await prepared(id, 100)
      expect(await used(ada)).toEqual({ transcriptions: 3, seconds: 103.2 })
      expect(await upload(ada)).toMatchObject(refusal)
    })

    test('are returned for audio that was not transcribed, and stay used for transcribed audio after a deletion', async () => {
      const ada = await newClient()
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

    test('refuse a recording that is longer than the limit of a day', async () => {
      const ada = await newClient()
      const answer = await ada.upload(new Blob([silence(16)]), {}, 'silence.wav')
      expect(answer).toMatchObject({ status: 413, body: { code: 'too_long' } })
      expect(await used(ada)).toEqual({ transcriptions: 0, seconds: 0 })
    })

    test('do not count the usage of yesterday', async () => {
      const ada = await newClient()
      await Promise.all([upload(ada), upload(ada)])
      expect(await upload(ada)).toMatchObject(refusal)
      await service.db.update(usage).set({ day: sql`${usage.day} - 1` })
      expect((await upload(ada)).status).toBe(202)
    })
  })

  describe('logins', () => {
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

    test('are limited for an account from an address, also with the right password, and for an unknown account', async () => {
      const email = 'ada@example.com'
      await anyone.post('/api/auth/register', { email, password })
      await service.db.delete(counters)
      for (const account of [email, 'nobody@example.com']) {
        const from = `192.0.2.${++address}`
        const spellings = [account, account.toUpperCase(), account]
        for (const spelling of spellings) {
          expect(await login({ email: spelling, password: 'a wrong one' }, from)).toMatchObject({
            status: 401,
          })
        }
        const refused = await login({ email: account, password }, from)
        expect(refused).toMatchObject(refusal)
        expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
      }
    })

    test('are limited for an address across accounts, with registrations', async () => {
      const from = '198.51.100.1'
      for (let index = 0; index < 2; index++) {
        const email = `${index}@example.com`
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

    test('are limited for password checks with an access token', async () => {
      const ada = await newClient()
      const change = () =>
        ada.post('/api/auth/password', { current_password: 'a guess', new_password: password })
      for (let attempt = 0; attempt < 3; attempt++) expect((await change()).status).toBe(403)
      expect(await change()).toMatchObject(refusal)
    })
  })

  test('without a limit nothing is counted', async () => {
    await start({})
    try {
      const ada = await newClient()
      // The registration above is always counted.
      await service.db.delete(counters)
      const { headers } = await ada.ask('/api/auth/me')
      expect(headers.get('ratelimit')).toBeNull()
      expect(await service.db.select().from(counters)).toEqual([])
    } finally {
      await service.close()
    }
  })
})

/** A silent WAV file: 8 kHz, mono, 16 bit. */
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
