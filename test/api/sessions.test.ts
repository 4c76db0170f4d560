import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { refreshTokens, sessions, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, embedded } from '../support/databases.ts'
import { claimsOf, forge, headerOf } from './jwt.ts'

const password = 'correct horse battery'
const REFUSED = { status: 401, body: { code: 'invalid_refresh_token' } }

describe.each(databases)('sessions on $name', (kind) => {
  let service: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind })
    anyone = clientOf(service.url)
  })
  afterAll(() => service.close())

  const register = async (email = `${crypto.randomUUID()}@example.com`) =>
    sessionIn((await anyone.post('/api/auth/register', { email, password })).body)
  const login = async (email: string) =>
    sessionIn((await anyone.post('/api/auth/login', { email, password })).body)
  const refresh = (token: string) => anyone.post('/api/auth/refresh', { refresh_token: token })
  const me = async (token: string) => (await anyone.as(token).ask('/api/auth/me')).status

  test('each refresh returns new tokens of the same session', async () => {
    let session = await register()
    const { sub, sid } = claimsOf(session.access)
    for (let round = 0; round < 3; round++) {
      const { status, body } = await refresh(session.refresh)
      expect(status).toBe(200)
      const next = sessionIn(body)
      expect(next.refresh).not.toBe(session.refresh)
      expect(claimsOf(next.access)).toMatchObject({ sub, sid })
      expect(await me(next.access)).toBe(200)
      session = next
    }
  })

  /** Moves all refreshes this many seconds into the past. */
  const passSeconds = (seconds: number) =>
    service.db
      .update(refreshTokens)
      .set({ usedAt: sql`${refreshTokens.usedAt} - make_interval(secs => ${seconds})` })

  test('a late second use of a refresh token ends its session and no other', async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const stolen = await register(email)
    const other = await login(email)
    const next = sessionIn((await refresh(stolen.refresh)).body)
    await passSeconds(11)
    expect(await refresh(stolen.refresh)).toMatchObject(REFUSED)
    expect(await refresh(next.refresh)).toMatchObject(REFUSED)
    expect([await me(stolen.access), await me(next.access), await me(other.access)]).toEqual([401, 401, 200])
    expect((await refresh(other.refresh)).status).toBe(200)
  })

  test('concurrent refreshes with one token return the same new token', async () => {
    const { refresh: token } = await register()
    const answers = await Promise.all([refresh(token), refresh(token), refresh(token)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const [first, ...others] = answers.map(({ body }) => sessionIn(body))
    if (!first) throw new Error('no response')
    expect(others.map(({ refresh: next }) => next)).toEqual([first.refresh, first.refresh])
    for (const { access } of [first, ...others]) expect(await me(access)).toBe(200)
    expect((await refresh(first.refresh)).status).toBe(200)
  })

  test('a client that lost the response can refresh again with the same token', async () => {
    const { refresh: first } = await register()
    const { refresh: second } = sessionIn((await refresh(first)).body)
    await passSeconds(8)
    expect(sessionIn((await refresh(first)).body).refresh).toBe(second)
    // Meanwhile another client of the same session refreshes.
    const { refresh: third } = sessionIn((await refresh(second)).body)
    const late = sessionIn((await refresh(first)).body)
    expect(late.refresh).toBe(third)
    expect(await me(late.access)).toBe(200)
    expect((await refresh(third)).status).toBe(200)
  })

  test('a used refresh token cannot be refreshed after the logout', async () => {
    const { refresh: first } = await register()
    const { refresh: second } = sessionIn((await refresh(first)).body)
    expect((await anyone.post('/api/auth/logout', { refresh_token: second })).status).toBe(204)
    expect(await refresh(first)).toMatchObject(REFUSED)
  })

  test('an unknown refresh token is refused and ends no session', async () => {
    const session = await register()
    const unknown = `${session.refresh.slice(0, -1)}${session.refresh.endsWith('A') ? 'B' : 'A'}`
    expect(await refresh(unknown)).toMatchObject(REFUSED)
    expect(await refresh(session.access)).toMatchObject(REFUSED)
    expect(await me(session.access)).toBe(200)
  })

  test('a session expires thirty days after its last refresh', async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const session = await register(email)
    const { sub, sid } = claimsOf(session.access)
    await service.db
      .update(sessions)
      .set({ expiresAt: sql`now() - interval '1 second'` })
      .where(sql`${sessions.id} = ${sid}`)
    expect(await refresh(session.refresh)).toMatchObject(REFUSED)
    await login(email)
    const left = await service.db.select().from(sessions).where(sql`${sessions.userId} = ${sub}`)
    expect(left.map(({ id }) => id)).not.toContain(sid ?? '')
    expect(left.length).toBe(1)
  })

  test('a logout invalidates the access token and the refresh token', async () => {
    const session = await register()
    const logout = (token: string) => anyone.post('/api/auth/logout', { refresh_token: token })
    expect(await logout(session.refresh)).toMatchObject({ status: 204, body: '' })
    expect(await me(session.access)).toBe(401)
    expect(await refresh(session.refresh)).toMatchObject(REFUSED)
    expect((await logout(session.refresh)).status).toBe(204)
  })

  test('a password change ends the other sessions', async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const other = await register(email)
    const session = await login(email)
    const change = (current: string) =>
      anyone.as(session.access).post('/api/auth/password', {
        current_password: current,
        new_password: `${password}!`,
      })
    expect(await change('a wrong password')).toMatchObject({ status: 403, body: { code: 'wrong_password' } })
    expect(await me(other.access)).toBe(200)
    expect(await change(password)).toMatchObject({ status: 204 })
    expect([await me(other.access), await me(session.access)]).toEqual([401, 200])
    expect(await refresh(other.refresh)).toMatchObject(REFUSED)
    expect((await refresh(session.refresh)).status).toBe(200)
    expect((await anyone.post('/api/auth/login', { email, password })).status).toBe(401)
    expect((await anyone.post('/api/auth/login', { email, password: `${password}!` })).status).toBe(200)
  })

  test('refresh tokens are stored as hashes only', async () => {
    const { refresh: token } = await register()
    const rows = await service.db.select().from(refreshTokens)
    expect(rows.length).toBeGreaterThan(0)
    for (const { hash } of rows) expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  test('GET /api/auth/me returns the account', async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const { access } = await register(email)
    const { status, body } = await anyone.as(access).ask('/api/auth/me')
    expect(status).toBe(200)
    expect(body).toEqual({
      id: claimsOf(access).sub,
      email,
      role: 'user',
      created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
    })
  })

  test('deleting an account deletes all its data and none of another account', async () => {
    const kept = await register()
    await anyone.as(kept.access).upload(fixture('speech.mp3'))
    const files = await service.files()
    const email = `${crypto.randomUUID()}@example.com`
    const gone = await register(email)
    const client = anyone.as(gone.access)
    await client.upload(fixture('speech.mp3'))
    await client.upload(fixture('speech.mp3'))
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const remove = (sent: object) =>
      client.ask('/api/auth/me', {
        method: 'DELETE',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(sent),
      })
    for (const sent of [{}, { password: 'a wrong password' }]) {
      expect(await remove(sent)).toMatchObject({ status: 403, body: { code: 'wrong_password' } })
    }
    expect(await remove({ password })).toMatchObject({ status: 204, body: '' })
    expect(await service.files()).toEqual(files)
    expect([await me(gone.access), await me(textAt(body, 'key')), await me(kept.access)]).toEqual([
      401, 401, 200,
    ])
    expect(await refresh(gone.refresh)).toMatchObject(REFUSED)
    const { sub } = claimsOf(gone.access)
    expect(await service.db.select().from(users).where(sql`${users.id} = ${sub}`)).toEqual([])
    expect((await anyone.post('/api/auth/register', { email, password })).status).toBe(201)
  })
})

describe('a list of secrets', () => {
  const OLD = 'an old secret for tests, of 32 characters or more'
  const FOREIGN = 'some secret of someone else, of 32 characters'
  let before: TestService
  let after: TestService

  beforeAll(async () => {
    before = await startService({ kind: embedded, secrets: [OLD] })
    after = await startService({ kind: embedded, secrets: [SECRET, OLD] })
  })
  afterAll(() => Promise.all([before.close(), after.close()]))

  test('signs with the first and accepts tokens of all', async () => {
    const anyone = clientOf(after.url)
    const newToken = await anyone.newToken()
    const oldToken = await clientOf(before.url).newToken()
    const { kid } = headerOf(newToken)
    const { kid: oldKid } = headerOf(oldToken)
    expect(kid).not.toBe(oldKid)
    const soon = Math.floor(Date.now() / 1000) + 60
    const { sub } = claimsOf(newToken)
    const status = async (key: { secret: string; kid?: string }) =>
      (await anyone.as(forge({ ...key, claims: { sub, exp: soon } })).ask('/api/auth/me')).status
    expect(await status({ secret: SECRET, kid })).toBe(200)
    expect(await status({ secret: OLD, kid: oldKid })).toBe(200)
    // Older tokens have no `kid`.
    expect(await status({ secret: OLD })).toBe(200)
    expect(await status({ secret: OLD, kid })).toBe(401)
    expect(await status({ secret: SECRET, kid: oldKid })).toBe(401)
    expect(await status({ secret: SECRET, kid: '../../dev/null' })).toBe(401)
    expect(await status({ secret: FOREIGN, kid })).toBe(401)
    expect(await status({ secret: FOREIGN })).toBe(401)
  })
})

function sessionIn(body: unknown) {
  return { access: textAt(body, 'access_token'), refresh: textAt(body, 'refresh_token') }
}
