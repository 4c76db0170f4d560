import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createCredentialWatch } from '../../src/auth/credential-watch.ts'
import { VerbatimError } from '../../src/errors.ts'
import { nodeHmac } from '../../src/transcriptions/reading/node-hmac.ts'
import { createLinkSigner } from '../../src/transcriptions/reading/signed-links.ts'
import { claimsOf, forge } from '../api/jwt.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { eventsIn } from '../support/event-stream.ts'

const password = 'correct horse battery'

describe.each(databases)('a response that waits ends with its credential, on $name', (kind) => {
  let service: TestService
  let anyone: Client
  let ada: Client
  let email: string
  let session: { access: string; refresh: string }
  let id: string

  beforeAll(async () => {
    service = await startService({ kind })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    email = `${crypto.randomUUID()}@example.com`
    const { body } = await anyone.post('/api/auth/register', { email, password })
    session = { access: textAt(body, 'access_token'), refresh: textAt(body, 'refresh_token') }
    ada = anyone.as(session.access)
    id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  })

  async function open(token: string) {
    const headers = { authorization: `Bearer ${token}` }
    const { status, body } = await fetch(`${service.url}/api/transcriptions/${id}/events`, { headers })
    expect(status).toBe(200)
    const stream = eventsIn(body ?? expect.unreachable())
    expect(await stream.next()).toMatchObject({ event: 'status' })
    return stream
  }
  type Stream = Awaited<ReturnType<typeof open>>
  async function expectEnded(stream: Stream) {
    expect(await stream.next()).toMatchObject({ event: 'error', data: { code: 'unauthorized' } })
    expect(await stream.next()).toBeNull()
  }
  async function newKey() {
    const { body } = await ada.post('/api/auth/keys', { name: 'a', scopes: ['read', 'write'] })
    return { key: textAt(body, 'key'), keyId: textAt(body, 'id') }
  }

  test('an event stream ends when its API key is revoked, and no other stream ends', async () => {
    const { key, keyId } = await newKey()
    const [byKey, byToken] = [await open(key), await open(session.access)]
    await ada.ask(`/api/auth/keys/${keyId}`, { method: 'DELETE' })
    await expectEnded(byKey)
    await ada.post(`/api/transcriptions/${id}/cancel`, {})
    expect(await byToken.next()).toMatchObject({ event: 'status', data: { status: 'canceled' } })
    expect(await byToken.next()).toBeNull()
  })

  test('an event stream ends when its session is logged out', async () => {
    const stream = await open(session.access)
    await anyone.post('/api/auth/logout', { refresh_token: session.refresh })
    await expectEnded(stream)
  })

  test('an event stream ends when the password is changed in another session', async () => {
    const { body } = await anyone.post('/api/auth/login', { email, password })
    const stream = await open(session.access)
    const change = { current_password: password, new_password: `${password}!` }
    await anyone.as(textAt(body, 'access_token')).post('/api/auth/password', change)
    await expectEnded(stream)
  })

  async function openLink(seconds: number) {
    const links = createLinkSigner({ hmac: nodeHmac, secrets: [SECRET], seconds })
    const { status, body } = await fetch(service.url + links.sign(`/api/transcriptions/${id}/events`))
    expect(status).toBe(200)
    const stream = eventsIn(body ?? expect.unreachable())
    expect(await stream.next()).toMatchObject({ event: 'status' })
    return stream
  }

  test('an event stream ends when its link expires, and the owner’s other stream does not end', async () => {
    const [byLink, byToken] = [await openLink(2), await open(session.access)]
    await expectEnded(byLink)
    await ada.post(`/api/transcriptions/${id}/cancel`, {})
    expect(await byToken.next()).toMatchObject({ event: 'status', data: { status: 'canceled' } })
  })

  test('an event stream of a link ends when the account is deleted', async () => {
    const stream = await openLink(3600)
    const remove = { method: 'DELETE', headers: { 'content-type': 'application/json' } }
    const { status } = await ada.ask('/api/auth/me', { ...remove, body: JSON.stringify({ password }) })
    expect(status).toBe(204)
    expect(await stream.next()).toEqual({ event: 'removed', data: { id } })
    expect(await stream.next()).toBeNull()
  })

  test('an event stream ends when its access token expires', async () => {
    const { sub, sid } = claimsOf(session.access)
    const exp = Math.ceil(Date.now() / 1000) + 2
    await expectEnded(await open(forge({ secret: SECRET, claims: { sub, sid, exp } })))
  })

  test('an event stream ends when the account is deleted', async () => {
    const stream = await open(session.access)
    const init = { method: 'DELETE', headers: { 'content-type': 'application/json' } }
    await ada.ask('/api/auth/me', { ...init, body: JSON.stringify({ password }) })
    const kinds: string[] = []
    for (let event = await stream.next(); event; event = await stream.next()) kinds.push(event.event)
    expect(kinds.at(-1)).toBeOneOf(['removed', 'error'])
  })

  test('a request with Prefer: wait ends when its API key is revoked', async () => {
    const { key, keyId } = await newKey()
    const headers = { prefer: 'wait=50' }
    const waiting = anyone.as(key).ask(`/api/transcriptions/${id}`, { headers })
    await Bun.sleep(200)
    await ada.ask(`/api/auth/keys/${keyId}`, { method: 'DELETE' })
    expect(await waiting).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
  })

  test.each(['true', 'false'])(
    'a request to /v1 with stream=%s ends when its API key is revoked, and its transcription is removed',
    async (streamed) => {
      const { key, keyId } = await newKey()
      const form = new FormData()
      form.set('file', fixture('speech.mp3'), 'speech.mp3')
      form.set('model', 'whisper-1')
      form.set('stream', streamed)
      const headers = { authorization: `Bearer ${key}` }
      const answer = fetch(`${service.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form })
      const count = async () =>
        Object(Object((await ada.ask('/api/transcriptions')).body).transcriptions).length
      while ((await count()) < 2) await Bun.sleep(20)
      await ada.ask(`/api/auth/keys/${keyId}`, { method: 'DELETE' })
      const response = await answer
      expect(response.status).toBe(streamed === 'true' ? 200 : 401)
      expect(await response.text()).toContain('API key is invalid or revoked')
      while ((await count()) > 1) await Bun.sleep(20)
    },
  )
})

test('without LISTEN a credential is looked up again', async () => {
  const refusal = new VerbatimError('unauthorized', 'revoked')
  let lookups = 0
  const watch = createCredentialWatch({
    find: async () => {
      lookups += 1
      if (lookups > 2) throw refusal
      // Expires at once, so that the next check comes early.
      return { caller: { userId: 'u', scopes: ['read'], sessionId: null }, expiresAt: Date.now() }
    },
    callerCache: null,
  })
  const until = new AbortController()
  const ended = watch({ token: 't', userId: 'u' }, until.signal)
  await new Promise((resolve) => ended.addEventListener('abort', resolve))
  expect(ended.reason).toBe(refusal)
})
