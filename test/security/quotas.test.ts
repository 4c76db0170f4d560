import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { apiKeys, storageUsage, transcriptions } from '../../src/db/schema.ts'
import { createConcurrencyLimit } from '../../src/limits/at-once.ts'
import { markAudioRemoved } from '../../src/retention/sweep.store.ts'
import { folderOf } from '../../src/transcriptions/storage-keys.ts'
import { claimsOf } from '../api/jwt.ts'
import { type Answer, type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { stalledUpload } from './stalled-upload.ts'

const SPEECH_BYTES = fixture('speech.mp3').size
const WAV_BYTES = fixture('speech.wav').size
const PIECE = 'application/offset+octet-stream'

const statuses = (answers: Answer[]) => answers.map(({ status }) => status).sort()
const many = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make))
const times = (status: number, count: number) => Array<number>(count).fill(status)

describe.each(databases)('limits under concurrent requests on $name', (kind) => {
  let service: TestService
  let ada: Client
  let userId: string

  async function newUser(client = clientOf(service.url)) {
    const token = await client.newToken()
    return { client: client.as(token), userId: claimsOf(token).sub, token }
  }

  describe('of rows', () => {
    beforeAll(async () => {
      service = await startService({ kind })
      const user = await newUser()
      ada = user.client
      userId = user.userId
    })
    afterAll(() => service.close())

    test('20 of 40 concurrently registered webhooks are registered', async () => {
      const answers = await many(40, () => ada.post('/api/webhooks', { url: 'http://127.0.0.1:9/' }))
      expect(statuses(answers)).toEqual([...times(201, 20), ...times(409, 20)])
    })

    test('20 of 60 concurrently created API keys are created beside 80 others', async () => {
      const others = Array.from({ length: 80 }, (_, index) => ({
        userId,
        name: `${index}`,
        hash: `${userId}-${index}`,
        hint: 'vk_',
        scopes: ['read' as const],
      }))
      await service.db.insert(apiKeys).values(others)
      const answers = await many(60, () => ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] }))
      expect(statuses(answers)).toEqual([...times(201, 20), ...times(409, 40)])
    })

    test('100 of 140 concurrently created resumable uploads are created', async () => {
      const answers = await many(140, () => create(ada, 1000))
      expect(statuses(answers)).toEqual([...times(201, 100), ...times(409, 40)])
    })
  })

  /** Files of uploads in progress. */
  const incoming = async () => (await service.files()).filter((file) => file.includes('/incoming/'))
  const create = (client: Client, length: number) =>
    client.ask('/api/uploads', {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': String(length) },
    })
  const append = (client: Client, path: string, body: Uint8Array<ArrayBuffer>) =>
    client.ask(path, {
      method: 'PATCH',
      headers: { 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-type': PIECE },
      body,
    })
  const upload = (client: Client) => client.upload(fixture('speech.mp3'))
  const refused = { status: 413, body: { code: 'storage_quota_reached' } }

  describe('of stored bytes', () => {
    const LIMIT = 3 * SPEECH_BYTES + 1000

    beforeAll(async () => {
      service = await startService({ kind, limits: { storageBytes: LIMIT } })
    })
    afterAll(() => service.close())

    test('concurrent uploads are stored up to the quota, and a refused upload leaves no file', async () => {
      const { client } = await newUser()
      const before = (await service.files()).length
      const answers = await many(8, () => upload(client))
      // Uploads in progress count too, so fewer than fit may be stored, and never more.
      const accepted = statuses(answers).filter((status) => status === 202).length
      expect(accepted).toBeLessThanOrEqual(3)
      expect(statuses(answers)).toEqual([...times(202, accepted), ...times(413, 8 - accepted)])
      // The audio and the manifest of each.
      expect((await service.files()).length).toBe(before + 2 * accepted)
      for (let more = accepted; more < 3; more++) expect((await upload(client)).status).toBe(202)
      const last = await upload(client)
      expect(last).toMatchObject(refused)
      const stored = 3 * SPEECH_BYTES
      expect(textAt(last.body, 'error')).toBe(
        `You store ${stored} of ${LIMIT} bytes, and this upload does not fit: delete transcriptions or ` +
          'unfinished uploads first',
      )
      expect((await upload((await newUser()).client)).status).toBe(202)
    })

    test('a deletion frees the bytes of a transcription, a cancellation does not', async () => {
      const { client } = await newUser()
      const ids = (await many(3, () => upload(client))).map(({ body }) => textAt(body, 'transcription_id'))
      await client.post(`/api/transcriptions/${ids[0]}/cancel`, {})
      expect(await upload(client)).toMatchObject(refused)
      await client.ask(`/api/transcriptions/${ids[1]}`, { method: 'DELETE' })
      expect((await upload(client)).status).toBe(202)
    })

    test('the retention period frees the bytes of the audio', async () => {
      const { client, userId } = await newUser()
      const answers = await many(3, () => upload(client))
      await markAudioRemoved(service.db, textAt(answers[0]?.body, 'transcription_id'))
      const [row] = await service.db.select().from(storageUsage).where(eq(storageUsage.userId, userId))
      expect(row?.audioBytes).toBe(2 * SPEECH_BYTES)
      expect((await upload(client)).status).toBe(202)
    })

    test('the declared length of a resumable upload counts from its creation', async () => {
      const { client } = await newUser()
      const answers = await many(6, () => create(client, SPEECH_BYTES))
      expect(statuses(answers)).toEqual([...times(201, 3), ...times(413, 3)])
      expect(await upload(client)).toMatchObject(refused)
      const made = answers.find(({ status }) => status === 201)
      await client.ask(made?.headers.get('location') ?? '', { method: 'DELETE' })
      expect((await upload(client)).status).toBe(202)
      expect(await create(client, LIMIT + 1)).toMatchObject({ status: 413, body: { code: 'too_large' } })
    })

    test('a resumable upload counts once when it becomes a transcription', async () => {
      const { client } = await newUser()
      await many(2, () => upload(client))
      const made = await create(client, SPEECH_BYTES)
      const path = made.headers.get('location') ?? ''
      const finished = await append(client, path, await fixture('speech.mp3').bytes())
      expect(finished.status).toBe(204)
      expect(finished.headers.get('transcription-id')).toBeTruthy()
      expect(await create(client, SPEECH_BYTES)).toMatchObject(refused)
      expect((await create(client, 1000)).status).toBe(201)
    })

    test('a file that waits for its options counts, once, also when it becomes a transcription', async () => {
      const { client } = await newUser()
      await many(2, () => upload(client))
      const audio = await fixture('speech.mp3').bytes()
      const send = () => client.ask('/assemblyai/v2/upload', { method: 'POST', body: audio })
      const sent = await send()
      expect(sent.status).toBe(200)
      expect([await send(), await upload(client)]).toMatchObject([refused, refused])
      const audio_url = textAt(sent.body, 'upload_url')
      expect((await client.post('/assemblyai/v2/transcript', { audio_url })).status).toBe(200)
      expect(await client.post('/assemblyai/v2/transcript', { audio_url })).toMatchObject(refused)
      expect((await create(client, 1000)).status).toBe(201)
    })

    test('an upload in progress counts until it ends', async () => {
      const { client, token } = await newUser()
      const stalled = await stalledUpload({ url: service.url, token, bytes: LIMIT - SPEECH_BYTES + 1 })
      while ((await incoming()).length === 0) await Bun.sleep(10)
      const answers: Answer[] = []
      // Bytes that the server has not read yet cannot count.
      while (answers.at(-1)?.status !== 413) {
        answers.push(await upload(client))
        const id = answers.at(-1)?.status === 202 ? textAt(answers.at(-1)?.body, 'transcription_id') : null
        if (id !== null) await client.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
      }
      expect(answers.at(-1)).toMatchObject(refused)
      expect((await upload((await newUser()).client)).status).toBe(202)
      stalled.terminate()
      while ((await incoming()).length > 0) await Bun.sleep(10)
      expect((await upload(client)).status).toBe(202)
    })

    test('an upload without a Content-Length is aborted at the quota', async () => {
      const { client, token } = await newUser()
      await upload(client)
      let sent = 0
      const body = new ReadableStream({
        pull(controller) {
          if (sent >= 900_000) return controller.close()
          sent += 10_000
          controller.enqueue(new Uint8Array(10_000))
        },
      })
      const answer = await fetch(`${service.url}/api/transcribe`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'audio/wav' },
        body,
      })
      expect({ status: answer.status, body: await answer.json() }).toMatchObject(refused)
    })

    test('an upload repeated with its Idempotency-Key succeeds although the quota is full', async () => {
      const { client } = await newUser()
      const form = () => {
        const form = new FormData()
        form.set('audio', fixture('speech.mp3'))
        return form
      }
      const send = () =>
        client.ask('/api/transcribe', {
          method: 'POST',
          headers: { 'idempotency-key': 'once' },
          body: form(),
        })
      const first = await send()
      await many(2, () => upload(client))
      expect(await upload(client)).toMatchObject(refused)
      expect(await send()).toMatchObject({ status: 202, body: first.body ?? {} })
    })

    test('decoded audio counts while it waits for an engine', async () => {
      const { client } = await newUser()
      const { body } = await upload(client)
      const id = textAt(body, 'transcription_id')
      const decoded = { status: 'processing' as const, decodedSamples: LIMIT / 2 }
      await service.db.update(transcriptions).set(decoded).where(eq(transcriptions.id, id))
      expect(await upload(client)).toMatchObject(refused)
      await client.post(`/api/transcriptions/${id}/cancel`, {})
      expect((await upload(client)).status).toBe(202)
    })

    test('the stored sum equals the sum of all rows', async () => {
      const sums = await service.db
        .select({
          userId: transcriptions.userId,
          bytes: sql<number>`coalesce(sum(${transcriptions.audioBytes}) filter (where ${transcriptions.audioRemovedAt} is null), 0)::int`,
        })
        .from(transcriptions)
        .groupBy(transcriptions.userId)
      expect(sums.length).toBeGreaterThan(5)
      const stored = new Map(
        (await service.db.select().from(storageUsage)).map((row) => [row.userId, row.audioBytes]),
      )
      for (const { userId, bytes } of sums) expect(stored.get(userId)).toBe(bytes)
    })

    test('no test logs a defect', () => expect(service.logged).toEqual([]))
  })

  describe('of concurrent uploads', () => {
    beforeAll(async () => {
      service = await startService({ kind })
    })
    afterAll(() => service.close())

    test('a user with 100 open uploads cannot open another one, and other users can', async () => {
      const { client, token } = await newUser()
      const held = await many(100, () => stalledUpload({ url: service.url, token, bytes: 5000 }))
      const limited = { status: 429, body: { code: 'too_many_at_once' } }
      while ((await incoming()).length < 100) await Bun.sleep(10)
      let answer = await upload(client)
      expect(answer).toMatchObject(limited)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await upload((await newUser()).client)).status).toBe(202)
      for (const socket of held) socket.terminate()
      while (answer.status !== 202) answer = await upload(client)
    })

    test('a PATCH of a resumable upload aborts the previous one and removes its bytes', async () => {
      const { client, token } = await newUser()
      const path = (await create(client, WAV_BYTES)).headers.get('location') ?? ''
      const patches = []
      for (let count = 0; count < 5; count++) {
        patches.push(await stalledUpload({ url: service.url, token, bytes: 5000, resuming: path }))
        while ((await incoming()).length === 0) await Bun.sleep(10)
        await Bun.sleep(50)
      }
      while ((await incoming()).length > 1) await Bun.sleep(10)
      const whole = await append(client, path, await fixture('speech.wav').bytes())
      expect(whole.headers.get('transcription-id')).toBeTruthy()
      while ((await incoming()).length > 0) await Bun.sleep(10)
      const left = (await service.files()).filter((file) => file.includes('/uploads/'))
      expect(left).toEqual([])
      const id = whole.headers.get('transcription-id') ?? ''
      expect((await service.files()).filter((file) => file.includes(folderOf(id)))).not.toEqual([])
      for (const socket of patches) socket.terminate()
    })
  })
})

test('a permit that is disposed twice is released once', () => {
  const concurrencyLimit = createConcurrencyLimit({ perUser: 1, problem: 'You have one' })
  const permit = concurrencyLimit('ada')
  expect(() => concurrencyLimit('ada')).toThrow('You have one: try again when one of them has ended')
  const other = concurrencyLimit('eve')
  permit[Symbol.dispose]()
  permit[Symbol.dispose]()
  concurrencyLimit('ada')
  expect(() => concurrencyLimit('ada')).toThrow('You have one')
  expect(() => concurrencyLimit('eve')).toThrow('You have one')
  other[Symbol.dispose]()
})
