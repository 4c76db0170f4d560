import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { argon2id } from '../../src/auth/argon2id.ts'
import { createAuthService } from '../../src/auth/auth.service.ts'
import { users } from '../../src/db/schema.ts'
import { type Answer, type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'
import { claimsOf, forge } from './jwt.ts'

const password = 'correct horse battery'
const access = {
  access_token: expect.any(String),
  token_type: 'Bearer',
  expires_in: 900,
  refresh_token: expect.any(String),
}
const refusal = ({ status, body }: Answer) => ({ status, body })

describe.each(databases)('accounts on $name', (kind) => {
  let service: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())

  test('a user registers and logs in', async () => {
    const registered = await anyone.post('/api/auth/register', { email: 'ada@example.com', password })
    expect(refusal(registered)).toEqual({ status: 201, body: access })
    const loggedIn = await anyone.post('/api/auth/login', { email: 'Ada@Example.com', password })
    expect(refusal(loggedIn)).toEqual({ status: 200, body: access })
    const [first, second] = [registered, loggedIn].map(({ body }) => claimsOf(textAt(body, 'access_token')))
    expect(second?.sub).toBe(first?.sub ?? '')
    expect(first && first.exp - first.iat).toBe(900)
  })

  test('an email can register once, in any case of letters, also by concurrent requests', async () => {
    const register = (email: string) => anyone.post('/api/auth/register', { email, password })
    const statuses = await Promise.all(['bob@example.com', 'BOB@Example.COM'].map(register))
    expect(statuses.map(({ status }) => status).sort()).toEqual([201, 409])
    expect(refusal(await register('Bob@example.com'))).toEqual({
      status: 409,
      body: { error: 'This email is already registered: log in instead', code: 'email_taken' },
    })
  })

  test('a wrong password and an unknown user get the same response', async () => {
    await anyone.post('/api/auth/register', { email: 'eve@example.com', password })
    const wrong = await anyone.post('/api/auth/login', { email: 'eve@example.com', password: `${password}!` })
    const unknown = await anyone.post('/api/auth/login', { email: 'nobody@example.com', password })
    expect(refusal(wrong)).toEqual({
      status: 401,
      body: { error: 'Wrong email or password', code: 'invalid_credentials' },
    })
    expect(refusal(unknown)).toEqual(refusal(wrong))
  })

  test('a wrong password and an unknown user cost one argon2id of the same size', async () => {
    const verified: string[] = []
    const auth = createAuthService({
      db: service.db,
      passwords: {
        hash: argon2id.hash,
        verify(password, hash) {
          verified.push(hash)
          return argon2id.verify(password, hash)
        },
      },
      registration: 'open',
      accessTokens: { sign: async () => 'unused' },
      refreshChain: async () => ['unused'],
      limits: null,
      ownedIds: async () => ({ transcriptions: [], uploads: [] }),
      removeFiles: async () => {},
      clearCallerCache: () => {},
    })
    const attempt = { password: 'a wrong password', address: null }
    await auth.register({ email: 'cost@example.com', password, address: null })
    for (const email of ['cost@example.com', 'nobody-at-all@example.com']) {
      const refused = await auth.login({ ...attempt, email }).catch((error) => error)
      expect(refused).toMatchObject({ code: 'invalid_credentials' })
    }
    const sizes = verified.map((hash) => hash.split('$').slice(0, 4).join('$'))
    expect(sizes).toEqual(Array(2).fill('$argon2id$v=19$m=19456,t=2,p=1'))
  })

  test('passwords are stored as argon2id hashes only', async () => {
    const rows = await service.db.select().from(users)
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      expect(row.passwordHash).toStartWith('$argon2id$v=19$m=19456,t=2,')
      expect(JSON.stringify(row)).not.toContain(password)
    }
  })

  test('a deleted account cannot upload with a token that has not expired', async () => {
    const token = forge({
      secret: SECRET,
      claims: { sub: crypto.randomUUID(), exp: Math.floor(Date.now() / 1000) + 60 },
    })
    const answer = await anyone.as(token).upload(fixture('speech.mp3'))
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(await service.files()).toEqual([])
  })
})

describe('authentication', () => {
  let service: TestService
  let anyone: Client
  let closed: TestService

  beforeAll(async () => {
    service = await startService({ kind: embedded })
    closed = await startService({ kind: embedded, registration: 'closed' })
    anyone = clientOf(service.url)
  })
  afterAll(() => Promise.all([service.close(), closed.close()]))

  test.each([
    "o'brien+audio@example.co.uk",
    '8t#u1&=&k$@5lh.1mls.test',
    'a@b.c',
    `${'a'.repeat(242)}@example.com`,
  ])('the email %s can register', async (email) => {
    expect((await anyone.post('/api/auth/register', { email, password })).status).toBe(201)
  })

  test.each([
    ['with a short password', { email: 'a@example.com', password: '1234567' }, /password.*8/],
    ['with a huge password', { email: 'a@example.com', password: 'x'.repeat(1025) }, /password.*1024/],
    ['without a valid email', { email: 'ada', password }, /email/],
    ['with a NUL in the email', { email: 'a\0@example.com', password }, /email/],
    ['without a password', { email: 'a@example.com' }, /password/],
    ['with an email of another type', { email: ['a@example.com'], password }, /email/],
    ['that is not an object', 'ada', /object|email/],
  ])('a body %s is refused with one line that names the field', async (_, sent, message) => {
    for (const path of ['/api/auth/register', '/api/auth/login']) {
      const { status, body } = await anyone.post(path, sent)
      expect({ status, body }).toEqual({
        status: 400,
        body: { error: expect.stringMatching(message), code: 'validation' },
      })
      expect(textAt(body, 'error')).not.toContain('\n')
    }
  })

  test('a body that is not JSON, by content or by type, is refused', async () => {
    const send = (type: string, body: string) =>
      anyone.ask('/api/auth/login', { method: 'POST', headers: { 'content-type': type }, body })
    expect(refusal(await send('application/json', '{"email":'))).toEqual({
      status: 400,
      body: { error: 'The body is not valid JSON', code: 'validation' },
    })
    expect(refusal(await send('application/x-www-form-urlencoded', 'email=a'))).toEqual({
      status: 400,
      body: { error: 'The body must be JSON: send Content-Type: application/json', code: 'validation' },
    })
  })

  test('an endless body is refused before it ends', async () => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        if (sent > 256 * 1024 * 1024) controller.close()
        else controller.enqueue(new Uint8Array(65_536).fill(32))
      },
    })
    const answer = await anyone.ask('/api/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body,
    })
    expect(answer).toMatchObject({ status: 413, body: { code: 'too_large' } })
    expect(sent).toBeLessThan(256 * 1024 * 1024)
  })

  test('registration is refused while it is closed', async () => {
    const answer = await clientOf(closed.url).post('/api/auth/register', {
      email: 'ada@example.com',
      password,
    })
    expect(refusal(answer)).toEqual({
      status: 403,
      body: {
        error: 'Registration is closed on this server: ask its administrator for an account',
        code: 'registration_closed',
      },
    })
    expect(await closed.db.select().from(users)).toEqual([])
  })

  describe('an access token', () => {
    let valid: string
    const soon = Math.floor(Date.now() / 1000) + 600
    const id = crypto.randomUUID()

    beforeAll(async () => {
      valid = await anyone.newToken()
    })

    const status = async (authorization?: string) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
      return anyone.ask(`/api/transcriptions/${id}/`, { headers })
    }

    test('is accepted with its scheme in any case of letters', async () => {
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        expect((await status(`${scheme} ${valid}`)).status).toBe(404)
      }
    })

    const bad: [name: string, header: () => string | undefined][] = [
      ['missing', () => undefined],
      ['empty', () => 'Bearer '],
      ['with another scheme', () => `Basic ${valid}`],
      ['without a scheme', () => valid],
      ['garbage', () => 'Bearer garbage'],
      ['truncated', () => `Bearer ${valid.slice(0, -2)}`],
      [
        'signed with another secret',
        () => `Bearer ${forge({ secret: `${SECRET}!`, claims: { sub: id, exp: soon } })}`,
      ],
      ['unsigned', () => `Bearer ${forge({ secret: SECRET, alg: 'none', claims: { sub: id, exp: soon } })}`],
      [
        'signed with another algorithm',
        () => `Bearer ${forge({ secret: SECRET, alg: 'HS512', claims: { sub: id, exp: soon } })}`,
      ],
      ['expired', () => `Bearer ${forge({ secret: SECRET, claims: { sub: id, exp: soon - 1200 } })}`],
      ['without a user', () => `Bearer ${forge({ secret: SECRET, claims: { exp: soon } })}`],
      [
        'with a user that is not a UUID',
        () => `Bearer ${forge({ secret: SECRET, claims: { sub: '1', exp: soon } })}`,
      ],
    ]
    test.each(bad)('that is %s returns 401 with the scheme', async (_, header) => {
      const answer = await status(header())
      expect(answer).toMatchObject({
        status: 401,
        body: { code: 'unauthorized', error: expect.stringMatching(/access token/) },
      })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    })

    test('is required before an upload is read', async () => {
      const answer = await anyone.upload(fixture('speech.mp3'))
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
      expect(await service.files()).toEqual([])
    })
  })
})
