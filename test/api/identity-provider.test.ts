import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { identities, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'
import { forge } from './jwt.ts'

setDefaultTimeout(60_000)

const issuer = 'https://id.example/realms/main'
const audience = 'verbatim'

type Keys = Awaited<ReturnType<typeof makeKey>>

async function makeKey(kid: string, alg = 'RS256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, publicKey, jwk }
}

/** Serves keys as a provider does, and counts how often it is asked. */
function serveKeys(jwks: JWK[]) {
  const state = { keys: jwks, asked: 0, answers: true }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch() {
      state.asked++
      return state.answers ? Response.json({ keys: state.keys }) : new Response('down', { status: 502 })
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

describe.each(databases)('users of an identity provider on $name', (kind) => {
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

  test('appear when first seen, also where registration is closed, and stay the same', async () => {
    const sub = 'auth0|5f7c'
    const answers = await Promise.all([me({ sub }), me({ sub }), me({ sub })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const ids = new Set([...answers, await me({ sub })].map(({ body }) => textAt(body, 'id')))
    expect(ids.size).toBe(1)
    expect((await me({ sub: 'auth0|other' })).body).not.toMatchObject({ id: [...ids][0] })
    expect((await service.db.select().from(users)).length).toBe(2)
    expect((await service.db.select().from(identities)).length).toBe(2)
  })

  test('upload, make keys, and do not see each other', async () => {
    const ada = anyone.as(await tokenOf(key, { sub: 'ada' }))
    const eve = anyone.as(await tokenOf(key, { sub: 'eve' }))
    const { status, body } = await ada.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    const path = `/api/transcriptions/${textAt(body, 'transcription_id')}`
    expect((await ada.ask(path)).status).toBe(200)
    expect((await eve.ask(path)).status).toBe(404)
    const made = await ada.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    expect((await anyone.as(textAt(made.body, 'key')).ask(path)).status).toBe(200)
  })

  test('have the email that the provider has verified, unless an account has it', async () => {
    const email = 'Grace@Example.com'
    expect((await me({ sub: 'g1', email })).body).toMatchObject({ email: null })
    expect((await me({ sub: 'g2', email, email_verified: 'true' })).body).toMatchObject({ email: null })
    expect((await me({ sub: 'g3', email, email_verified: true })).body).toMatchObject({
      email: 'grace@example.com',
    })
    expect((await me({ sub: 'g4', email, email_verified: true })).body).toMatchObject({ email: null })
  })

  test('are known by the address that the provider verified last, also if an account has it', async () => {
    const address = 'h1@example.com'
    const known = async () =>
      (await service.db.select().from(identities)).find(({ subject }) => subject === 'h1')?.email
    await me({ sub: 'h1', email: address })
    expect(await known()).toBe(null)
    await me({ sub: 'h1', email: address, email_verified: true })
    expect(await known()).toBe(address)
    await me({ sub: 'h1' })
    expect(await known()).toBe(address)
  })

  test('have no password here; they delete their accounts without one', async () => {
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
    const gone = await ada.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(gone.status).toBe(204)
    // Who comes again is someone new.
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

  test('is taken by any of its keys, and beside the service’s own', async () => {
    expect(await status(await tokenOf(rsa))).toBe(200)
    expect(await status(await tokenOf(curve))).toBe(200)
    expect(await status(await tokenOf(rsa, { aud: ['another', audience] }))).toBe(200)
    expect(await status(await tokenOf(rsa, { typ: 'Bearer' }, { typ: 'JWT' }))).toBe(200)
    expect(await status(await tokenOf(rsa, {}, { typ: 'at+jwt' }))).toBe(200)
    expect(await status(await anyone.newToken())).toBe(200)
  })

  const claims = { iss: issuer, aud: audience, sub: 'mallory', exp: now() + 3000 }
  const refused: [what: string, token: () => Promise<string> | string][] = [
    ['expired', () => tokenOf(rsa, { exp: now() - 60 })],
    ['without an end', () => tokenOf(rsa, { exp: undefined })],
    ['not valid yet', () => tokenOf(rsa, { nbf: now() + 60 })],
    ['of another issuer', () => tokenOf(rsa, { iss: 'https://id.example/realms/other' })],
    ['of no issuer', () => tokenOf(rsa, { iss: undefined })],
    ['for another audience', () => tokenOf(rsa, { aud: 'payroll' })],
    ['for no audience', () => tokenOf(rsa, { aud: undefined })],
    ['of nobody', () => tokenOf(rsa, { sub: undefined })],
    ['of an empty name', () => tokenOf(rsa, { sub: '' })],
    ['of nobody, said with null', () => tokenOf(rsa, { sub: null })],
    ['of a number', () => tokenOf(rsa, { sub: 5 })],
    ['of a list', () => tokenOf(rsa, { sub: ['mallory'] })],
    ['of an object', () => tokenOf(rsa, { sub: {} })],
    ['that is an ID token of Keycloak’s', () => tokenOf(rsa, { typ: 'ID' })],
    ['that is a refresh token of Keycloak’s', () => tokenOf(rsa, { typ: 'Refresh' })],
    ['that is a logout token', () => tokenOf(rsa, {}, { typ: 'logout+jwt' })],
    ['of a name with a NUL', () => tokenOf(rsa, { sub: 'a\0' })],
    ['of a name that is no text', () => tokenOf(rsa, { sub: 'a\ud800' })],
    ['of a name without end', () => tokenOf(rsa, { sub: 'a'.repeat(256) })],
    ['of a key that is not published', async () => tokenOf(await makeKey('other'))],
    ['of another key under a published name', async () => tokenOf(await makeKey('rsa'))],
    ['under the name of a key of another kind', () => tokenOf(rsa, {}, { kid: 'curve' })],
    [
      'of a key that it brings along',
      async () => {
        const own = await makeKey('own')
        return tokenOf(own, {}, { kid: undefined, jwk: own.jwk, jku: provider.url })
      },
    ],
    ['unsigned', () => forge({ secret: '', alg: 'none', kid: 'rsa', claims })],
    [
      'signed with the published key as a secret, as PEM',
      async () => forge({ secret: await exportSPKI(rsa.publicKey), kid: 'rsa', claims }),
    ],
    [
      'signed with the published key as a secret, as JWK',
      () => forge({ secret: JSON.stringify(rsa.jwk), kid: 'rsa', claims }),
    ],
    [
      'changed after it was signed',
      async () => {
        const [head, , signature] = (await tokenOf(rsa)).split('.')
        return `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
      },
    ],
  ]
  test.each(refused)('%s: 401, and nobody appears', async (_, token) => {
    const before = await service.db.select({ id: users.id }).from(users)
    expect(await anyone.as(await token()).ask('/api/auth/me')).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    })
    expect(await service.db.select({ id: users.id }).from(users)).toEqual(before)
  })

  test('its keys are fetched once, and not again for every name that is not among them', async () => {
    // The first may have them fetched, if the last time is long ago on a slow machine.
    await status(await tokenOf(rsa, {}, { kid: 'unknown' }))
    const before = provider.state.asked
    for (let kid = 0; kid < 5; kid++)
      expect(await status(await tokenOf(rsa, {}, { kid: `${kid}` }))).toBe(401)
    expect(await status(await tokenOf(rsa))).toBe(200)
    expect(provider.state.asked - before).toBe(0)
  })
})

test('while the keys cannot be fetched: 503 for its tokens, and the service’s own are taken', async () => {
  const key = await makeKey('first')
  const provider = serveKeys([key.jwk])
  provider.state.answers = false
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
    provider.state.answers = true
    expect((await anyone.as(token).ask('/api/auth/me')).status).toBe(200)
  } finally {
    await provider.stop()
    await service.close()
  }
})
