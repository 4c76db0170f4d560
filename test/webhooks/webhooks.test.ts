import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { deliveries, transcriptions, users, webhooks } from '../../src/db/schema.ts'
import { complete, fail } from '../../src/transcriptions/transcriptions.store.ts'
import type { Warning } from '../../src/warnings.ts'
import { claimsOf } from '../api/jwt.ts'
import { type Answer, type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { PUBLIC_URL, startDelivering } from '../support/delivering.ts'
import { type Message, openReceiver, verified } from '../support/webhook-receiver.ts'

type Registered = { id: string; secret: string }
type Delivery = {
  id: string
  event: string
  state: string
  transcription_id: string | null
  url: string | null
  next_attempt_at: string | null
  created_at: string
  attempts: { at: string; seconds: number; status: number | null; error: string | null }[]
}

/** Whether the message has a valid signature of this secret. */
function isSignedWith(message: Message, secret: string): boolean {
  try {
    return Boolean(verified(message, secret))
  } catch {
    return false
  }
}

describe.each(databases)('webhooks on $name', (kind) => {
  const receiver = openReceiver()
  let service: TestService
  let anyone: Client
  let ada: Client
  let adaId: string
  let delivering: Awaited<ReturnType<typeof startDelivering>>

  beforeAll(async () => {
    service = await startService({ kind })
    anyone = clientOf(service.url)
    delivering = await startDelivering(service)
  })
  afterEach(async () => {
    receiver.reset()
  })
  afterAll(async () => {
    await delivering.stop()
    await service.close()
    await receiver.close()
  })

  async function newUser() {
    const token = await anyone.newToken()
    ada = anyone.as(token)
    adaId = claimsOf(token).sub
  }

  async function register(body: object = {}): Promise<Registered> {
    await newUser()
    const { status, body: registered } = await ada.post('/api/webhooks', { url: receiver.url, ...body })
    expect(status).toBe(201)
    return { id: textAt(registered, 'id'), secret: textAt(registered, 'secret') }
  }

  const upload = async () => textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  const completed = (id: string, warnings: Warning[] = []) =>
    service.db.transaction((tx) =>
      complete(tx, { id, text: 'A secret text', detectedLanguage: 'en', warnings }),
    )

  async function deliveriesOf(id: string): Promise<Delivery[]> {
    const response = await fetch(`${service.url}/api/webhooks/${id}/deliveries`, { headers: ada.headers })
    const { deliveries }: { deliveries: Delivery[] } = await response.json()
    return deliveries
  }

  /** Waits until the latest delivery is in this state. */
  async function latest(id: string, state: string): Promise<Delivery> {
    for (;;) {
      const [delivery] = await deliveriesOf(id)
      if (delivery?.state === state) return delivery
      await Bun.sleep(20)
    }
  }

  test('a webhook receives the event of a completed transcription, with a signature that the official library accepts', async () => {
    const { id, secret } = await register()
    const transcription = await upload()
    const clipped: Warning = { code: 'clipped', message: 'The loudest sounds are distorted' }
    await completed(transcription, [clipped])
    const [message] = await receiver.count(1)
    if (!message) throw new Error('no message arrived')
    expect(verified(message, secret)).toEqual({
      type: 'transcription.completed',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      data: {
        id: transcription,
        status: 'completed',
        warnings: [clipped],
        links: {
          transcription: `${PUBLIC_URL}/api/transcriptions/${transcription}`,
          transcript: `${PUBLIC_URL}/api/transcriptions/${transcription}/transcript`,
        },
      },
    })
    expect(message.headers['content-type']).toBe('application/json')
    expect(message.body).not.toContain('secret text')
    expect(() =>
      verified({ ...message, body: message.body.replace('completed', 'failed') }, secret),
    ).toThrow()
    expect(await latest(id, 'delivered')).toEqual({
      id: message.id,
      event: 'transcription.completed',
      transcription_id: transcription,
      url: null,
      state: 'delivered',
      created_at: expect.any(String),
      next_attempt_at: null,
      attempts: [{ at: expect.any(String), seconds: expect.any(Number), status: 204, error: null }],
    })
  })

  test('a webhook receives each event that it subscribes to once', async () => {
    const { id } = await register({ events: ['transcription.failed', 'transcription.canceled'] })
    const [done, broken, stopped] = [await upload(), await upload(), await upload()]
    await completed(done)
    const failure = { id: broken, code: 'corrupt', message: 'The audio is damaged' } as const
    await fail(service.db, failure)
    await fail(service.db, failure)
    expect((await ada.ask(`/api/transcriptions/${stopped}/cancel`, { method: 'POST' })).status).toBe(200)
    await ada.ask(`/api/transcriptions/${stopped}/cancel`, { method: 'POST' })
    await receiver.count(2)
    const sent = (await deliveriesOf(id)).map(({ event, transcription_id }) => ({ event, transcription_id }))
    expect(sent).toEqual([
      { event: 'transcription.canceled', transcription_id: stopped },
      { event: 'transcription.failed', transcription_id: broken },
    ])
  })

  test('a webhook receives no event of an ephemeral transcription', async () => {
    const { id } = await register()
    const form = new FormData()
    form.set('model', 'whisper-1')
    form.set('file', fixture('speech.mp3'), 'speech.mp3')
    const answer = ada.ask('/v1/audio/transcriptions', { method: 'POST', body: form })
    const open = () => service.db.select().from(transcriptions).where(eq(transcriptions.userId, adaId))
    while ((await open()).length === 0) await Bun.sleep(10)
    const [row] = await open()
    await service.db.transaction(async (tx) => {
      await complete(tx, { id: row?.id ?? '', text: '', detectedLanguage: null })
      expect(await tx.select().from(deliveries).where(eq(deliveries.webhookId, id))).toEqual([])
    })
    expect((await answer).status).toBe(200)
    await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })
    await latest(id, 'delivered')
    expect((await deliveriesOf(id)).map(({ event }) => event)).toEqual(['webhook.test'])
  })

  describe('a webhook_url of an upload', () => {
    const secretOfUploads = async () =>
      textAt((await ada.ask('/api/webhooks/uploads/secret', { method: 'POST' })).body, 'secret')
    const base64 = (text: string) => Buffer.from(text).toString('base64')

    /** The ways to upload audio with a `webhook_url`. */
    const ways: [way: string, send: (url: string) => Promise<Answer>][] = [
      ['in a form', (url) => ada.upload(fixture('speech.mp3'), { webhook_url: url })],
      [
        'in the query',
        (url) =>
          ada.ask(`/api/transcribe?webhook_url=${encodeURIComponent(url)}`, {
            method: 'PUT',
            body: fixture('speech.mp3'),
          }),
      ],
      [
        'in JSON',
        async (url) => {
          const audio = Bun.serve({
            port: 0,
            hostname: '127.0.0.1',
            fetch: () => new Response(fixture('speech.mp3')),
          })
          const audio_url = `http://127.0.0.1:${audio.port}/speech.mp3`
          const sent = await ada.post('/api/transcribe', { audio_url, webhook_url: url })
          await audio.stop(true)
          return sent
        },
      ],
      [
        'in the metadata of a resumable upload',
        async (url) => {
          const body = await fixture('speech.mp3').bytes()
          const headers = {
            'upload-length': String(body.length),
            'upload-metadata': `webhook_url ${base64(url)}`,
            'content-type': 'application/offset+octet-stream',
          }
          const {
            status,
            headers: responseHeaders,
            body: responseBody,
          } = await ada.ask('/api/uploads', { method: 'POST', headers, body })
          const id = responseHeaders.get('transcription-id')
          return {
            status,
            headers: responseHeaders,
            body: id === null ? responseBody : { transcription_id: id },
          }
        },
      ],
    ]

    test.each(ways)(
      '%s receives one message, with a signature that the official library accepts',
      async (_, send) => {
        await newUser()
        const secret = await secretOfUploads()
        const { body } = await send(receiver.url)
        const id = textAt(body, 'transcription_id')
        await completed(id)
        const [message] = await receiver.count(1)
        if (!message) throw new Error('no message arrived')
        expect(verified(message, secret)).toMatchObject({
          type: 'transcription.completed',
          data: {
            id,
            status: 'completed',
            links: { transcription: `${PUBLIC_URL}/api/transcriptions/${id}` },
          },
        })
        const delivery = await latest('uploads', 'delivered')
        expect(delivery).toMatchObject({ id: message.id, url: receiver.url, transcription_id: id })
        expect(receiver.messages).toHaveLength(1)
      },
    )

    test('receives the outcome of its own upload only, besides registered webhooks', async () => {
      const { id: registered, secret } = await register({ events: ['transcription.completed'] })
      const own = await secretOfUploads()
      const stopped = textAt(
        (await ada.upload(fixture('speech.mp3'), { webhook_url: receiver.url })).body,
        'transcription_id',
      )
      await completed(await upload())
      await ada.ask(`/api/transcriptions/${stopped}/cancel`, { method: 'POST' })
      const messages = await receiver.count(2)
      const signedWith = (key: string) => messages.filter((message) => isSignedWith(message, key))
      expect(signedWith(secret).map(({ body }) => JSON.parse(body).type)).toEqual(['transcription.completed'])
      expect(signedWith(own).map(({ body }) => JSON.parse(body).type)).toEqual(['transcription.canceled'])
      expect((await deliveriesOf('uploads')).map(({ event }) => event)).toEqual(['transcription.canceled'])
      expect((await deliveriesOf(registered)).map(({ event }) => event)).toEqual(['transcription.completed'])
      expect((await ada.ask('/api/webhooks')).body).toMatchObject({ webhooks: [{ id: registered }] })
    })

    test('is retried and replayed; a 410 fails one delivery and does not stop the next one', async () => {
      await newUser()
      receiver.answer(() => new Response(null, { status: 410 }))
      const sent = () => ada.upload(fixture('speech.mp3'), { webhook_url: receiver.url })
      await completed(textAt((await sent()).body, 'transcription_id'))
      const gone = await latest('uploads', 'failed')
      expect(gone.attempts.map(({ status }) => status)).toEqual([410])
      receiver.answerInTurn(503)
      await completed(textAt((await sent()).body, 'transcription_id'))
      expect((await latest('uploads', 'delivered')).attempts.map(({ status }) => status)).toEqual([503, 200])
      const replayed = await ada.ask(`/api/webhooks/uploads/deliveries/${gone.id}/replay`, { method: 'POST' })
      expect(replayed.status).toBe(202)
      // The message is older than the user's first rotation; it is signed with the secret at the time of sending.
      const secret = await secretOfUploads()
      while ((await deliveriesOf('uploads')).some(({ state }) => state !== 'delivered')) await Bun.sleep(20)
      await ada.ask(`/api/webhooks/uploads/deliveries/${gone.id}/replay`, { method: 'POST' })
      const again = (await receiver.count(5)).at(-1) ?? expect.unreachable()
      expect(again.id).toBe(gone.id)
      expect(verified(again, secret)).toMatchObject({ type: 'transcription.completed' })
    })

    test.each([
      ['a private address', 'http://10.0.0.1/hook', 400, 'url_refused'],
      ['http', 'http://1.1.1.1/hook', 400, 'url_refused'],
      ['a cloud’s metadata address', 'https://[::ffff:169.254.169.254]/', 400, 'url_refused'],
      ['text that is not a URL', 'hook', 400, 'url_refused'],
      ['a NUL', 'https://1.1.1.1/\0', 400, 'url_refused'],
      ['an unknown host', 'https://localhost.invalid/hook', 502, 'url_failed'],
      ['more than 2048 characters', `https://1.1.1.1/${'a'.repeat(2048)}`, 400, 'validation'],
    ])('with %s is refused at the upload, and nothing is stored', async (_, url, status, code) => {
      await newUser()
      const files = await service.files()
      for (const [way, send] of ways) {
        const refused = await send(url)
        expect({ way, status: refused.status, body: refused.body }).toMatchObject({
          way,
          status,
          body: { code },
        })
      }
      expect(await service.files()).toEqual(files)
      const rows = await service.db.select().from(transcriptions).where(eq(transcriptions.userId, adaId))
      expect(rows).toEqual([])
    })

    test('cannot be read, changed, tested or deleted as a webhook, and its deliveries are invisible to other users', async () => {
      const notFound = { status: 404, body: { code: 'not_found' } }
      await newUser()
      expect(await ada.ask('/api/webhooks/uploads/deliveries')).toMatchObject(notFound)
      await completed(
        textAt(
          (await ada.upload(fixture('speech.mp3'), { webhook_url: receiver.url })).body,
          'transcription_id',
        ),
      )
      const { id: delivery } = await latest('uploads', 'delivered')
      const [row] = await service.db.select().from(webhooks).where(eq(webhooks.userId, adaId))
      for (const id of ['uploads', row?.id]) {
        expect(await ada.ask(`/api/webhooks/${id}`)).toMatchObject(notFound)
        expect(await ada.ask(`/api/webhooks/${id}`, { method: 'DELETE' })).toMatchObject(notFound)
        expect(await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })).toMatchObject(notFound)
        expect(await ada.patch(`/api/webhooks/${id}`, { enabled: false })).toMatchObject(notFound)
      }
      await newUser()
      await secretOfUploads()
      expect(await deliveriesOf('uploads')).toEqual([])
      const path = `/api/webhooks/uploads/deliveries/${delivery}/replay`
      expect(await ada.ask(path, { method: 'POST' })).toMatchObject(notFound)
    })
  })

  test('a webhook receives no event of a rolled-back transaction or of another user', async () => {
    const { id } = await register()
    const transcription = await upload()
    const rolledBack = service.db.transaction(async (tx) => {
      await complete(tx, { id: transcription, text: '', detectedLanguage: null })
      throw new Error('rolled back')
    })
    await expect(rolledBack).rejects.toThrow('rolled back')
    const own = ada
    await newUser()
    await completed(await upload())
    ada = own
    await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })
    await receiver.count(1)
    expect((await deliveriesOf(id)).map(({ event }) => event)).toEqual(['webhook.test'])
  })

  test('a failed attempt is retried with the same id, and a redirect is not followed', async () => {
    const { id, secret } = await register()
    receiver.answerInTurn(500, 302)
    await completed(await upload())
    const delivery = await latest(id, 'delivered')
    expect(delivery.attempts.map(({ status }) => status)).toEqual([500, 302, 200])
    expect(receiver.messages.map((message) => message.id)).toEqual([delivery.id, delivery.id, delivery.id])
    for (const message of receiver.messages) expect(verified(message, secret)).toBeTruthy()
  })

  test('a delivery fails after its last retry, and a replay has as many retries', async () => {
    const { id } = await register()
    receiver.answer(() => new Response(null, { status: 503 }))
    await completed(await upload())
    const failed = await latest(id, 'failed')
    expect(failed.attempts.map(({ status }) => status)).toEqual([503, 503, 503, 503])
    receiver.answerInTurn(503)
    const replayed = await ada.ask(`/api/webhooks/${id}/deliveries/${failed.id}/replay`, { method: 'POST' })
    expect(replayed).toMatchObject({ status: 202, body: { id: failed.id, state: 'pending' } })
    const delivered = await latest(id, 'delivered')
    expect(delivered.attempts.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 200])
    await ada.ask(`/api/webhooks/${id}/deliveries/${failed.id}/replay`, { method: 'POST' })
    expect((await receiver.count(7)).every((message) => message.id === failed.id)).toBe(true)
  })

  test('a delivery records why its host cannot be reached', async () => {
    await newUser()
    const { body } = await ada.post('/api/webhooks', { url: 'http://127.0.0.1:1/hook' })
    const id = textAt(body, 'id')
    await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })
    const { attempts } = await latest(id, 'failed')
    expect(attempts[0]).toMatchObject({
      status: null,
      error: expect.stringContaining('127.0.0.1 failed: '),
    })
  })

  test('a 410 disables a webhook until it is enabled again', async () => {
    const { id } = await register()
    receiver.answer(() => new Response(null, { status: 410 }))
    await completed(await upload())
    expect((await latest(id, 'failed')).attempts.map(({ status }) => status)).toEqual([410])
    expect((await ada.ask(`/api/webhooks/${id}`)).body).toMatchObject({
      enabled: false,
      disabled_at: expect.any(String),
    })
    const refusal = { status: 409, body: { code: 'webhook_disabled' } }
    expect(await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })).toMatchObject(refusal)
    const [delivery] = await deliveriesOf(id)
    expect(
      await ada.ask(`/api/webhooks/${id}/deliveries/${delivery?.id}/replay`, { method: 'POST' }),
    ).toMatchObject(refusal)
    await completed(await upload())
    expect(await deliveriesOf(id)).toHaveLength(1)
    receiver.reset()
    const enabled = await ada.patch(`/api/webhooks/${id}`, { enabled: true })
    expect(enabled).toMatchObject({ status: 200, body: { enabled: true, disabled_at: null } })
    await completed(await upload())
    await latest(id, 'delivered')
  })

  test('a worker sends the message whose sending a stopped worker aborted', async () => {
    const { id } = await register()
    receiver.answer(() => new Promise(() => {}))
    await completed(await upload())
    await receiver.count(1)
    await delivering.stop()
    receiver.reset()
    delivering = await startDelivering(service)
    const { attempts } = await latest(id, 'delivered')
    expect(attempts.map(({ status }) => status)).toEqual([204])
  })

  test('only the response to the registration contains the secret', async () => {
    const { id, secret } = await register()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const shown = { id, url: receiver.url, enabled: true, disabled_at: null, created_at: expect.any(String) }
    const events = ['transcription.completed', 'transcription.failed', 'transcription.canceled']
    expect((await ada.ask(`/api/webhooks/${id}`)).body).toEqual({ ...shown, events })
    expect((await ada.ask('/api/webhooks')).body).toEqual({ webhooks: [{ ...shown, events }] })
    const changed = await ada.patch(`/api/webhooks/${id}`, {
      events: ['transcription.failed'],
      enabled: false,
    })
    expect(changed.body).toEqual({
      ...shown,
      events: ['transcription.failed'],
      enabled: false,
      disabled_at: expect.any(String),
    })
  })

  test('messages are also signed with the previous secrets for 24 hours after a rotation', async () => {
    const { id, secret } = await register()
    const rotate = () => ada.ask(`/api/webhooks/${id}/secret`, { method: 'POST' })
    const rotated = await rotate()
    expect(rotated.status).toBe(200)
    const overlapMs = new Date(textAt(rotated.body, 'previous_until')).getTime() - Date.now()
    expect(overlapMs / 3_600_000).toBeWithin(23.9, 24.1)
    const secrets = [secret, textAt(rotated.body, 'secret'), textAt((await rotate()).body, 'secret')]
    expect(new Set(secrets).size).toBe(3)
    const test = async () => {
      receiver.reset()
      await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })
      const [message] = await receiver.count(1)
      if (!message) throw new Error('no message arrived')
      return message
    }
    const during = await test()
    for (const each of secrets) expect(verified(during, each)).toMatchObject({ type: 'webhook.test' })
    const [row] = await service.db.select().from(webhooks).where(eq(webhooks.id, id))
    const [newer, older] = row?.previousSecrets ?? []
    if (!newer || !older) throw new Error('the previous secrets are missing')
    const expired = { ...older, until: new Date().toISOString() }
    await service.db
      .update(webhooks)
      .set({ previousSecrets: [newer, expired] })
      .where(eq(webhooks.id, id))
    const after = await test()
    expect(() => verified(after, secret)).toThrow()
    for (const each of secrets.slice(1)) expect(verified(after, each)).toMatchObject({ type: 'webhook.test' })
    await rotate()
    const [latest] = await service.db.select().from(webhooks).where(eq(webhooks.id, id))
    expect(JSON.stringify(latest)).not.toContain(secret)
  })

  test('the list of deliveries has pages', async () => {
    const { id } = await register()
    const sent: string[] = []
    for (let count = 0; count < 5; count++) {
      sent.unshift(textAt((await ada.ask(`/api/webhooks/${id}/test`, { method: 'POST' })).body, 'id'))
    }
    const read: string[] = []
    for (let cursor = ''; ; ) {
      const response = await fetch(`${service.url}/api/webhooks/${id}/deliveries?limit=2${cursor}`, {
        headers: ada.headers,
      })
      const page: { deliveries: { id: string }[]; next_cursor: string | null } = await response.json()
      read.push(...page.deliveries.map((delivery) => delivery.id))
      if (!page.next_cursor) break
      cursor = `&cursor=${page.next_cursor}`
    }
    expect(read).toEqual(sent)
  })

  test.each([
    [{ url: 'http://10.0.0.1/hook' }, 'url_refused'],
    [{ url: 'https://localhost.invalid/hook' }, 'url_failed'],
    [{ url: 'http://169.254.169.254/latest/' }, 'url_refused'],
    [{ url: 'http://1.1.1.1/hook' }, 'url_refused'],
    [{ url: 'https://user:word@1.1.1.1/hook' }, 'url_refused'],
    [{ url: 'hook' }, 'url_refused'],
    [{ url: 'https://1.1.1.1/\0' }, 'url_refused'],
    [{}, 'validation'],
    [{ url: 'https://1.1.1.1/', events: [] }, 'validation'],
    [{ url: 'https://1.1.1.1/', events: ['transcription.started'] }, 'validation'],
  ])('a webhook with %j is refused', async (body, code) => {
    await newUser()
    const refused = await ada.post('/api/webhooks', body)
    expect(refused).toMatchObject({ status: code === 'url_failed' ? 502 : 400, body: { code } })
    expect((await ada.ask('/api/webhooks')).body).toEqual({ webhooks: [] })
  })

  test('a user can register 20 webhooks', async () => {
    await newUser()
    const statuses: number[] = []
    for (let count = 0; count < 21; count++) {
      statuses.push((await ada.post('/api/webhooks', { url: receiver.url })).status)
    }
    expect(statuses).toEqual([...Array<number>(20).fill(201), 409])
  })

  test('an unknown id, an invalid id and the id of another user all return 404', async () => {
    const { id } = await register()
    await completed(await upload())
    const { id: delivery } = await latest(id, 'delivered')
    const other = await register()
    const post = { method: 'POST' }
    const responses = await Promise.all([
      ada.ask(`/api/webhooks/${id}`),
      ada.ask(`/api/webhooks/${id}`, { method: 'DELETE' }),
      ada.patch(`/api/webhooks/${id}`, { enabled: false }),
      ada.ask(`/api/webhooks/${id}/secret`, post),
      ada.ask(`/api/webhooks/${id}/test`, post),
      ada.ask(`/api/webhooks/${id}/deliveries`),
      ada.ask(`/api/webhooks/${id}/deliveries/${delivery}/replay`, post),
      ada.ask(`/api/webhooks/${other.id}/deliveries/${delivery}/replay`, post),
      ada.ask(`/api/webhooks/${other.id}/deliveries/none/replay`, post),
      ada.ask(`/api/webhooks/${crypto.randomUUID()}`),
      ada.ask('/api/webhooks/none'),
    ])
    for (const { status, body } of responses) {
      expect({ status, body }).toMatchObject({ status: 404, body: { code: 'not_found' } })
    }
    expect((await anyone.ask('/api/webhooks')).status).toBe(401)
  })

  test('deleting a webhook, a transcription or a user deletes its deliveries', async () => {
    const rows = async (id: string) =>
      (await service.db.select().from(deliveries).where(eq(deliveries.webhookId, id))).length
    const { id } = await register()
    const transcription = await upload()
    await completed(transcription)
    await latest(id, 'delivered')
    await ada.ask(`/api/transcriptions/${transcription}`, { method: 'DELETE' })
    expect(await rows(id)).toBe(0)
    await completed(await upload())
    expect(await rows(id)).toBe(1)
    expect((await ada.ask(`/api/webhooks/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await rows(id)).toBe(0)
    const { id: next } = await register()
    await completed(await upload())
    await service.db.delete(users).where(eq(users.id, adaId))
    expect(await rows(next)).toBe(0)
    expect(await service.db.select().from(webhooks).where(eq(webhooks.userId, adaId))).toEqual([])
  })

  test('no test logs a defect', () => expect(service.logged).toEqual([]))
})
