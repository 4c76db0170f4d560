import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { identities, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'
import { forge } from './jwt.ts'

const issuer = 'https://id.example/realms/main'
const audience = 'verbatim'

type Keys = Awaited<ReturnType<typeof makeKey>>

async function makeKey(kid: string, alg = 'RS256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, publicKey, jwk }
}

/** Serves a JWKS like a provider, and counts the requests. */
function serveKeys(jwks: JWK[]) {
  const state = { keys: jwks, requests: 0, isUp: true }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch() {
      state.requests++
      return state.isUp ? Response.json({ keys: state.keys }) : new Response('down', { status: 502 })
    },
  })
  const url = `http://127.0.0.1:${server.port}/certs`
  return { state, url, stop: () => server.stop(true) }
}

const now = () => Math.floor(Date.now() / 1000)

function tokenOf(key: Keys, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) {
  const all = { iss: issuer, aud: audience, sub: crypto.randomUUID(), exp: now() + 300, ...claims }
  const { alg, kid } = key
  return new SignJWT(all).setProtectedHeader({ alg, kid, ...header }).sign(key.privateKey)
}

describe.each(databases)('a user of an identity provider on $name', (kind) => {
  let service: TestService
  let anyone: Client
  let key: Keys
  let provider: ReturnType<typeof serveKeys>

  beforeAll(async () => {
    key = await makeKey('first')
    provider = serveKeys([key.jwk])
    service = await startService({
      kind,
      registration: 'closed',
      identityProvider: { jwksUrl: provider.url, issuer, audience },
    })
    anyone = clientOf(service.url)
  })
  afterAll(async () => {
    await provider.stop()
    await service.close()
  })

  const me = async (claims: Record<string, unknown>) =>
    anyone.as(await tokenOf(key, claims)).ask('/api/auth/me')

  test('gets one account with the first request, also while registration is closed', async () => {
    const sub = 'auth0|5f7c'
    const answers = await Promise.all([me({ sub }), me({ sub }), me({ sub })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const ids = new Set([...answers, await me({ sub })].map(({ body }) => textAt(body, 'id')))
    expect(ids.size).toBe(1)
    expect((await me({ sub: 'auth0|other' })).body).not.toMatchObject({ id: [...ids][0] })
    expect((await service.db.select().from(users)).length).toBe(2)
    expect((await service.db.select().from(identities)).length).toBe(2)
  })

  test('can upload and create API keys, and cannot read the data of others', async () => {
    const ada = anyone.as(await tokenOf(key, { sub: 'ada' }))
    const eve = anyone.as(await tokenOf(key, { sub: 'eve' }))
    const { status, body } = await ada.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    const path = `/api/transcriptions/${textAt(body, 'transcription_id')}`
    expect((await ada.ask(path)).status).toBe(200)
    expect((await eve.ask(path)).status).toBe(404)
    const created = await ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    expect((await anyone.as(textAt(created.body, 'key')).ask(path)).status).toBe(200)
  })

  test('gets the email that the provider has verified, unless another account has it', async () => {
    const email = 'Grace@Example.com'
    expect((await me({ sub: 'g1', email })).body).toMatchObject({ email: null })
    expect((await me({ sub: 'g2', email, email_verified: 'true' })).body).toMatchObject({ email: null })
    expect((await me({ sub: 'g3', email, email_verified: true })).body).toMatchObject({
      email: 'grace@example.com',
    })
    expect((await me({ sub: 'g4', email, email_verified: true })).body).toMatchObject({ email: null })
  })

  test('keeps the email that the provider verified last, also if another account has it', async () => {
    const address = 'h1@example.com'
    const storedEmail = async () =>
      (await service.db.select().from(identities)).find(({ subject }) => subject === 'h1')?.email
    await me({ sub: 'h1', email: address })
    expect(await storedEmail()).toBe(null)
    await me({ sub: 'h1', email: address, email_verified: true })
    expect(await storedEmail()).toBe(address)
    await me({ sub: 'h1' })
    expect(await storedEmail()).toBe(address)
  })

  test('has no password and can delete the account without one', async () => {
    const ada = anyone.as(
      await tokenOf(key, { sub: 'leaving', email: 'l@example.com', email_verified: true }),
    )
    const id = textAt((await ada.ask('/api/auth/me')).body, 'id')
    const login = { email: 'l@example.com', password: 'correct horse battery' }
    expect(await anyone.post('/api/auth/login', login)).toMatchObject({
      status: 401,
      body: { code: 'invalid_credentials' },
    })
    expect(
      await ada.post('/api/auth/password', { current_password: '', new_password: login.password }),
    ).toMatchObject({ status: 409, body: { code: 'no_password' } })
    const removed = await ada.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(removed.status).toBe(204)
    // The next request creates a new account.
    expect((await ada.ask('/api/auth/me')).body).not.toMatchObject({ id })
  })
})

describe('a token of an identity provider', () => {
  let service: TestService
  let anyone: Client
  let rsa: Keys
  let curve: Keys
  let provider: ReturnType<typeof serveKeys>

  beforeAll(async () => {
    rsa = await makeKey('rsa')
    curve = await makeKey('curve', 'ES256')
    provider = serveKeys([rsa.jwk, curve.jwk])
    service = await startService({
      kind: embedded,
      identityProvider: { jwksUrl: provider.url, issuer, audience },
    })
    anyone = clientOf(service.url)
  })
  afterAll(async () => {
    await provider.stop()
    await service.close()
  })

  const status = async (token: string) => (await anyone.as(token).ask('/api/auth/me')).status

  test('is accepted with any of its keys, as are the service’s own tokens', async () => {
    expect(await status(await tokenOf(rsa))).toBe(200)
    expect(await status(await tokenOf(curve))).toBe(200)
    expect(await status(await tokenOf(rsa, { aud: ['another', audience] }))).toBe(200)
    expect(await status(await tokenOf(rsa, { typ: 'Bearer' }, { typ: 'JWT' }))).toBe(200)
    expect(await status(await tokenOf(rsa, {}, { typ: 'at+jwt' }))).toBe(200)
    expect(await status(await anyone.newToken())).toBe(200)
  })

  const claims = { iss: issuer, aud: audience, sub: 'mallory', exp: now() + 3000 }
  const refused: [name: string, token: () => Promise<string> | string][] = [
    ['that is expired', () => tokenOf(rsa, { exp: now() - 60 })],
    ['that never expires', () => tokenOf(rsa, { exp: undefined })],
    ['that is not valid yet', () => tokenOf(rsa, { nbf: now() + 60 })],
    ['of another issuer', () => tokenOf(rsa, { iss: 'https://id.example/realms/other' })],
    ['without an issuer', () => tokenOf(rsa, { iss: undefined })],
    ['for another audience', () => tokenOf(rsa, { aud: 'payroll' })],
    ['without an audience', () => tokenOf(rsa, { aud: undefined })],
    ['without a subject', () => tokenOf(rsa, { sub: undefined })],
    ['with an empty subject', () => tokenOf(rsa, { sub: '' })],
    ['with the subject null', () => tokenOf(rsa, { sub: null })],
    ['with a number as subject', () => tokenOf(rsa, { sub: 5 })],
    ['with a list as subject', () => tokenOf(rsa, { sub: ['mallory'] })],
    ['with an object as subject', () => tokenOf(rsa, { sub: {} })],
    ['that is an ID token of Keycloak', () => tokenOf(rsa, { typ: 'ID' })],
    ['that is a refresh token of Keycloak', () => tokenOf(rsa, { typ: 'Refresh' })],
    ['that is a logout token', () => tokenOf(rsa, {}, { typ: 'logout+jwt' })],
    ['with a NUL in the subject', () => tokenOf(rsa, { sub: 'a\0' })],
    ['with a lone surrogate in the subject', () => tokenOf(rsa, { sub: 'a\ud800' })],
    ['with a subject of 256 characters', () => tokenOf(rsa, { sub: 'a'.repeat(256) })],
    ['signed with an unpublished key', async () => tokenOf(await makeKey('other'))],
    ['signed with another key under a published kid', async () => tokenOf(await makeKey('rsa'))],
    ['with the kid of a key of another algorithm', () => tokenOf(rsa, {}, { kid: 'curve' })],
    [
      'signed with a key in its own header',
      async () => {
        const own = await makeKey('own')
        return tokenOf(own, {}, { kid: undefined, jwk: own.jwk, jku: provider.url })
      },
    ],
    ['that is unsigned', () => forge({ secret: '', alg: 'none', kid: 'rsa', claims })],
    [
      'signed with the published key as a secret, as PEM',
      async () => forge({ secret: await exportSPKI(rsa.publicKey), kid: 'rsa', claims }),
    ],
    [
      'signed with the published key as a secret, as JWK',
      () => forge({ secret: JSON.stringify(rsa.jwk), kid: 'rsa', claims }),
    ],
    [
      'changed after signing',
      async () => {
        const [head, , signature] = (await tokenOf(rsa)).split('.')
        return `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
      },
    ],
  ]
  test.each(refused)('%s returns 401 and creates no account', async (_, token) => {
    const before = await service.db.select({ id: users.id }).from(users)
    expect(await anyone.as(await token()).ask('/api/auth/me')).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    })
    expect(await service.db.select({ id: users.id }).from(users)).toEqual(before)
  })

  test('with an unknown kid does not cause a fetch of the keys each time', async () => {
    // On a slow machine the first unknown kid may be late enough for another fetch.
    await status(await tokenOf(rsa, {}, { kid: 'unknown' }))
    const before = provider.state.requests
    for (let kid = 0; kid < 5; kid++)
      expect(await status(await tokenOf(rsa, {}, { kid: `${kid}` }))).toBe(401)
    expect(await status(await tokenOf(rsa))).toBe(200)
    expect(provider.state.requests - before).toBe(0)
  })
})

test('while the keys cannot be fetched, the provider’s tokens get 503 and the service’s own tokens work', async () => {
  const key = await makeKey('first')
  const provider = serveKeys([key.jwk])
  provider.state.isUp = false
  const service = await startService({
    kind: embedded,
    identityProvider: { jwksUrl: provider.url, issuer, audience },
  })
  try {
    const anyone = clientOf(service.url)
    const token = await tokenOf(key)
    expect(await anyone.as(token).ask('/api/auth/me')).toMatchObject({
      status: 503,
      body: { code: 'identity_provider_unavailable' },
    })
    expect((await anyone.as(await anyone.newToken()).ask('/api/auth/me')).status).toBe(200)
    provider.state.isUp = true
    expect((await anyone.as(token).ask('/api/auth/me')).status).toBe(200)
  } finally {
    await provider.stop()
    await service.close()
  }
})
