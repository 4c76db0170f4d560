import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createAuthService } from '../../src/auth/auth.service.ts'
import { DECOY } from '../../src/auth/passwords.ts'
import { counters, users } from '../../src/db/schema.ts'
import { createSignInLimits } from '../../src/limits/sign-ins.ts'
import { type Client, clientOf, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'

const password = 'correct horse battery'

describe.each(databases)('the first account on $name', (kind) => {
  let service: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind, registration: 'first' })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())
  afterEach(async () => {
    await service.db.delete(users)
  })

  const register = (email: string) => anyone.post('/api/auth/register', { email, password })
  const CLOSED = { status: 403, body: { code: 'registration_closed' } }

  test('becomes an administrator and closes the registration', async () => {
    const { status, body } = await register('boss@example.com')
    expect(status).toBe(201)
    const admin = anyone.as(textAt(body, 'access_token'))
    expect((await admin.ask('/api/auth/me')).body).toMatchObject({ role: 'admin' })
    expect((await admin.ask('/api/admin/users')).status).toBe(200)
    expect(await register('eve@example.com')).toMatchObject(CLOSED)
    // A closed registration does not disclose which emails have accounts.
    expect((await register('boss@example.com')).body).toEqual((await register('eve@example.com')).body)
    expect((await service.db.select().from(users)).length).toBe(1)
  })

  test('is exactly one of several concurrent registrations', async () => {
    const emails = Array.from({ length: 8 }, (_, index) => `${index}@example.com`)
    const answers = await Promise.all(emails.map(register))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(403)])
    const rows = await service.db.select().from(users)
    expect(rows.map(({ role }) => role)).toEqual(['admin'])
  })

  test('can create accounts for others', async () => {
    const { body } = await register('boss@example.com')
    const admin = anyone.as(textAt(body, 'access_token'))
    const ada = { email: 'ada@example.com', password }
    expect((await admin.post('/api/admin/users', ada)).status).toBe(201)
    const loggedIn = await anyone.post('/api/auth/login', ada)
    expect(loggedIn.status).toBe(200)
    const me = await anyone.as(textAt(loggedIn.body, 'access_token')).ask('/api/auth/me')
    expect(me.body).toMatchObject({ role: 'user' })
  })
})

describe.each(databases)('an account whose password strangers guess, on $name', (kind) => {
  let service: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind, limits: { loginsPerMinute: 3 } })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())
  afterEach(async () => {
    await service.db.delete(counters)
  })

  const sendFrom = (address: string, path: string, body: object) =>
    anyone.ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
      body: JSON.stringify(body),
    })
  const login = (address: string, sent: { email: string; password: string }) =>
    sendFrom(address, '/api/auth/login', sent)
  const HOME = '198.51.100.7'
  const owner = async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const { body } = await sendFrom(HOME, '/api/auth/register', { email, password })
    return { email, client: anyone.as(textAt(body, 'access_token')) }
  }

  test('lets its owner log in from another address', async () => {
    const { email } = await owner()
    const tries = Array.from({ length: 20 }, () => login('203.0.113.1', { email, password: 'a wrong guess' }))
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401).length).toBe(3)
    expect(statuses.filter((status) => status === 429).length).toBe(17)
    expect((await login(HOME, { email, password })).status).toBe(200)
  })

  test('lets its owner log in while many addresses guess', async () => {
    const { email } = await owner()
    const addresses = Array.from({ length: 31 }, (_, index) => `203.0.113.${index + 1}`)
    const tries = await Promise.all(
      addresses.map((from) => login(from, { email, password: 'a wrong guess' })),
    )
    expect(new Set(tries.map(({ status }) => status))).toEqual(new Set([401]))
    expect((await login(HOME, { email, password })).status).toBe(200)
  })

  test('lets its owner change the password and delete the account', async () => {
    const { email, client } = await owner()
    for (let attempt = 0; attempt < 5; attempt++)
      await login('203.0.113.1', { email, password: 'a wrong guess' })
    const next = `${password}!`
    const sent = { current_password: password, new_password: next }
    expect((await client.post('/api/auth/password', sent)).status).toBe(204)
    const removal = {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password: next }),
    }
    expect((await client.ask('/api/auth/me', removal)).status).toBe(204)
  })

  test('forgets failed attempts after a successful login', async () => {
    const { email } = await owner()
    await service.db.delete(counters)
    // The address is unknown, as behind a proxy without TRUSTED_PROXIES.
    const limits = createSignInLimits({ db: service.db, perMinute: 3 })
    const attempt = { email, address: null }
    for (let round = 0; round < 3; round++) {
      await limits.beforeLogin(attempt)
      await limits.beforeLogin(attempt)
      await limits.afterLogin(attempt)
    }
  })

  test('delays further attempts by up to ten seconds', async () => {
    const waits: number[] = []
    const limits = createSignInLimits({
      db: service.db,
      perMinute: 2,
      sleep: async (ms) => void waits.push(ms),
    })
    for (let index = 0; index < 45; index++) {
      await limits.beforeLogin({ email: 'ada@example.com', address: `203.0.113.${index}` })
    }
    expect(waits.slice(0, 5)).toEqual([1000, 1000, 2000, 2000, 3000])
    expect(waits.slice(-4)).toEqual([10_000, 10_000, 10_000, 10_000])
    expect(waits.length).toBe(25)
  })
})

test('nobody can log in to an account without a password', async () => {
  const database = await embedded.open()
  const { db } = database
  const verified: string[] = []
  const auth = createAuthService({
    db,
    passwords: {
      hash: async (text) => text,
      // Accepts every password, as if the decoy's password were known.
      verify: async (_, hash) => verified.push(hash) > 0,
    },
    registration: 'open',
    accessTokens: { sign: async () => 'opened' },
    refreshChain: async () => ['unused'],
    limits: null,
    ownedIds: async () => ({ transcriptions: [], uploads: [] }),
    removeFiles: async () => {},
    clearCallerCache: () => {},
  })
  await db.insert(users).values({ email: 'grace@example.com', passwordHash: null })
  for (const email of ['grace@example.com', 'nobody@example.com']) {
    const refused = await auth.login({ email, password, address: null }).catch((error) => error)
    expect(refused).toMatchObject({ code: 'invalid_credentials' })
  }
  expect(verified).toEqual([DECOY, DECOY])
  await database.close()
})
