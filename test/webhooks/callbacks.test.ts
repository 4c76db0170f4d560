import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { AssemblyAI, type TranscriptParams } from 'assemblyai'
import { eq } from 'drizzle-orm'
import { callbacks, deliveries, transcriptions, users } from '../../src/db/schema.ts'
import { cancelOwned, fail, findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { startReencryption } from '../../src/webhooks/reencryption.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { type Client, fixture, textAt } from '../support/api-client.ts'
import { SECRET, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { startDelivering } from '../support/delivering.ts'
import { startRoutes } from '../support/other-apis.ts'
import { finishWith } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'
import { openReceiver, verified } from '../support/webhook-receiver.ts'

const GREETING = segmentOf({
  text: ' Hello Ada.',
  start: 0,
  end: 1,
  language: 'en',
  words: [
    { word: ' Hello', start: 0, end: 0.5, probability: 0.9 },
    { word: ' Ada.', start: 0.5, end: 1, probability: 0.7 },
  ],
})

describe.each(databases)('a callback of one transcription on $name', (kind) => {
  const receiver = openReceiver()
  let routes: Awaited<ReturnType<typeof startRoutes>>
  let service: TestService
  let delivering: Awaited<ReturnType<typeof startDelivering>>
  let ada: Client
  let adaId: string
  let key: string

  beforeAll(async () => {
    routes = await startRoutes(kind)
    service = routes.service
    delivering = await startDelivering(service)
    key = await routes.newKey()
    ada = routes.anyone.as(key)
    adaId = textAt((await ada.ask('/api/auth/me')).body, 'id')
  })
  afterEach(() => receiver.reset())
  afterAll(async () => {
    await delivering.stop()
    await routes.close()
    await receiver.close()
  })

  const finish = (id: string) => finishWith(service.db, { id, seconds: 2, heard: [GREETING] })

  async function received() {
    const [message] = await receiver.count(1)
    return message ?? expect.unreachable()
  }

  /** Waits until the latest delivery of a transcription is in this state. */
  async function delivery(id: string, state: string) {
    for (;;) {
      const [row] = await service.db.select().from(deliveries).where(eq(deliveries.transcriptionId, id))
      if (row?.state === state) return row
      await Bun.sleep(10)
    }
  }

  describe('for AssemblyAI’s clients', () => {
    const client = () => new AssemblyAI({ apiKey: key, baseUrl: `${service.url}/assemblyai` })

    const submit = async (params: Partial<TranscriptParams> = {}) =>
      client().transcripts.submit({
        audio: await fixture('speech.mp3').bytes(),
        webhook_url: receiver.url,
        ...params,
      })

    test('receives the id and the status, with the header of the client', async () => {
      const header = { webhook_auth_header_name: 'X-Secret', webhook_auth_header_value: 'open sesame' }
      const submitted = await submit(header)
      expect(submitted).toMatchObject({
        webhook_url: receiver.url,
        webhook_auth: true,
        webhook_auth_header_name: 'X-Secret',
        webhook_status_code: null,
      })
      const { id } = submitted
      await finish(id)
      const { headers, body, method } = await received()
      expect(JSON.parse(body)).toEqual({ transcript_id: id, status: 'completed' })
      expect({ method, ...headers }).toMatchObject({
        method: 'POST',
        'x-secret': 'open sesame',
        'content-type': 'application/json',
      })
      await delivery(id, 'delivered')
      expect(await client().transcripts.get(id)).toMatchObject({
        status: 'completed',
        webhook_status_code: 204,
        webhook_auth: true,
      })
      const rows = JSON.stringify([
        await service.db.select().from(callbacks),
        await service.db.select().from(deliveries),
        await service.db.select().from(transcriptions),
      ])
      expect(rows).not.toContain('open sesame')
      for (const file of await service.files()) {
        expect(await Bun.file(file).text()).not.toContain('open sesame')
      }
    })

    test('receives the status error, also of a canceled transcript, and no header without one', async () => {
      const [failed, canceled] = [await submit(), await submit()]
      await fail(service.db, { id: failed.id, code: 'corrupt', message: 'The audio is damaged' })
      const row = await findTranscription(service.db, canceled.id)
      await cancelOwned(service.db, { id: canceled.id, userId: row?.userId ?? '' })
      const messages = await receiver.count(2)
      expect(messages.map(({ body }) => JSON.parse(body))).toEqual(
        expect.arrayContaining([
          { transcript_id: failed.id, status: 'error' },
          { transcript_id: canceled.id, status: 'error' },
        ]),
      )
      expect(failed).toMatchObject({ webhook_auth: false, webhook_auth_header_name: null })
    })

    test('is retried, and the transcript shows the last response', async () => {
      receiver.answer(() => new Response(null, { status: 503 }))
      const { id } = await submit()
      await finish(id)
      const { attempts } = await delivery(id, 'failed')
      expect(attempts.map(({ status }) => status)).toEqual([503, 503, 503, 503])
      expect(await client().transcripts.get(id)).toMatchObject({
        status: 'completed',
        webhook_status_code: 503,
      })
      const { body } = await ada.ask('/api/webhooks/uploads/deliveries?limit=1')
      expect(body).toMatchObject({
        deliveries: [{ transcription_id: id, url: receiver.url, state: 'failed' }],
      })
    })

    test.each([
      [{ webhook_url: 'http://10.0.0.1/' }, 'webhook_url: The host 10.0.0.1 is not on the public internet'],
      [{ webhook_url: 'hook' }, 'webhook_url: The URL must start with'],
      [{ webhook_url: `https://1.1.1.1/${'a'.repeat(2048)}` }, 'webhook_url has 2064 characters'],
      [{ webhook_auth_header_name: 'X-Secret' }, 'webhook_auth_header_value is missing'],
      [{ webhook_auth_header_value: 'secret' }, 'webhook_auth_header_name is missing'],
      [
        { webhook_url: '', webhook_auth_header_name: 'X-Secret', webhook_auth_header_value: 'secret' },
        'webhook_auth_header_name is set without webhook_url',
      ],
      [
        { webhook_auth_header_name: 'X Secret', webhook_auth_header_value: 'secret' },
        'webhook_auth_header_name is "X Secret"',
      ],
      [
        { webhook_auth_header_name: 'Host', webhook_auth_header_value: 'secret' },
        'webhook_auth_header_name is "Host", a header that this service sets',
      ],
      [
        { webhook_auth_header_name: 'X-Secret', webhook_auth_header_value: 'a\r\nb: c' },
        'webhook_auth_header_value is no value of a header',
      ],
    ])('options are refused: %#', async (params, message) => {
      await expect(submit(params)).rejects.toThrow(message)
      await expect(submit(params)).rejects.not.toThrow('a\r\nb')
    })
  })

  describe('for Deepgram’s clients', () => {
    const listen = (query: string) =>
      ada.ask(`/deepgram/v1/listen?${query}`, { method: 'POST', body: fixture('speech.mp3') })

    async function accepted(query: string) {
      const { status, body } = await listen(query)
      expect({ status, body }).toEqual({
        status: 200,
        body: { request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      })
      return textAt(body, 'request_id')
    }

    test('receives the response of the request, signed as a webhook_url’s', async () => {
      const secret = textAt(
        (await ada.ask('/api/webhooks/uploads/secret', { method: 'POST' })).body,
        'secret',
      )
      const query = 'model=sidecar&tag=a&utterances=true&paragraphs=true&detect_language=true&extra=room:12'
      const id = await accepted(`${query}&callback=${encodeURIComponent(receiver.url)}`)
      await finish(id)
      const message = await received()
      expect(message.method).toBe('POST')
      expect(message.headers.authorization).toBeUndefined()
      expect(verified(message, secret)).toMatchObject({
        metadata: { request_id: id, tags: ['a'], extra: { room: '12' }, channels: 1 },
        results: {
          channels: [
            {
              detected_language: 'en',
              alternatives: [
                {
                  transcript: 'Hello Ada.',
                  words: [{ word: 'hello' }, { word: 'ada', punctuated_word: 'Ada.' }],
                  paragraphs: { transcript: 'Hello Ada.' },
                },
              ],
            },
          ],
          utterances: [{ transcript: 'Hello Ada.' }],
        },
      })
      expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject({ id, status: 'completed' })
    })

    test('receives it by PUT, with the name and password of the URL as a header', async () => {
      const url = receiver.url.replace('http://', 'http://ada:s%40ve%20me@')
      const id = await accepted(`callback_method=put&callback=${encodeURIComponent(url)}`)
      await finish(id)
      const { method, headers } = await received()
      expect(method).toBe('PUT')
      expect(headers.authorization).toBe(`Basic ${btoa('ada:s@ve me')}`)
      const { url: stored } = await delivery(id, 'delivered')
      expect(stored).toBe(receiver.url)
      expect(JSON.stringify(await service.db.select().from(callbacks))).not.toContain('s%40ve')
    })

    test('receives Deepgram’s error if the transcription fails', async () => {
      const id = await accepted(`callback=${encodeURIComponent(receiver.url)}`)
      await fail(service.db, { id, code: 'corrupt', message: 'The audio is damaged' })
      const { body } = await received()
      expect(JSON.parse(body)).toEqual({
        err_code: 'CORRUPT',
        err_msg: 'The audio is damaged',
        request_id: id,
      })
    })

    test.each([
      ['callback=hook', 'callback: The URL must start with http:// or https://'],
      ['callback=http://1.1.1.1/', 'callback: The URL must be an https URL'],
      ['callback=https://u:p@10.0.0.1/', 'callback: The host 10.0.0.1 is not on the public internet'],
      [`callback=https://1.1.1.1/${'a'.repeat(2048)}`, 'callback has 2064 characters'],
      ['callback=https://1.1.1.1/&callback_method=GET', 'callback_method is "GET"; it takes POST or PUT'],
    ])('parameters are refused: %#', async (query, message) => {
      expect(await listen(query)).toMatchObject({
        status: 400,
        body: { err_code: 'Bad Request', err_msg: expect.stringContaining(message) },
      })
    })
  })

  test('its header is re-encrypted with the first JWT_SECRET, and a lost one fails the attempt', async () => {
    const own = { userId: adaId }
    const old = await createSecretCipher({ secrets: [`${SECRET}, replaced`] })
    const lost = await createSecretCipher({ secrets: [`${SECRET}, lost`] })
    const cipher = await createSecretCipher({ secrets: [SECRET, `${SECRET}, replaced`] })
    const sent = async (headerValue: string) => {
      const fields = { webhook_url: receiver.url }
      const id = textAt((await ada.upload(fixture('speech.mp3'), fields)).body, 'transcription_id')
      const callback = {
        format: 'assemblyai',
        method: 'POST',
        headerName: 'X-Secret',
        request: null,
      } as const
      await service.db.insert(callbacks).values({ ...callback, transcriptionId: id, headerValue })
      return id
    }
    const [readable, unreadable] = [
      await sent(await old.encrypt('open sesame', own)),
      await sent(await lost.encrypt('open sesame', own)),
    ]
    const reencryption = startReencryption({ db: service.db, cipher, log: () => {} })
    const headerOf = async (id: string) =>
      (await service.db.select().from(callbacks).where(eq(callbacks.transcriptionId, id)))[0]?.headerValue ??
      ''
    while (!(await headerOf(readable)).startsWith(cipher.prefix)) await Bun.sleep(10)
    await reencryption.stop()
    await finish(readable)
    expect((await received()).headers['x-secret']).toBe('open sesame')
    await finish(unreadable)
    const { attempts } = await delivery(unreadable, 'failed')
    expect(attempts[0]?.error).toContain('X-Secret cannot be decrypted')
  })

  test('is deleted with its transcription and with the account', async () => {
    const rows = () => service.db.select().from(callbacks)
    const [one] = await rows()
    const before = (await rows()).length
    const path = `/api/transcriptions/${one?.transcriptionId}`
    expect((await ada.ask(path, { method: 'DELETE' })).status).toBe(204)
    expect(await rows()).toHaveLength(before - 1)
    await service.db.delete(users).where(eq(users.id, adaId))
    expect(await rows()).toEqual([])
  })

  test('no test logs a defect', () => expect(service.logged).toEqual([]))
})
