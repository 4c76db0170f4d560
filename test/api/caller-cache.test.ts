import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { openChanges } from '../../src/db/changes.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { apiKeys, refreshTokens, sessions, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, type TestDatabase, type TestDatabaseKind } from '../support/databases.ts'
import { claimsOf, forge } from './jwt.ts'

const password = 'correct horse battery'

describe.each(databases)('cached callers on $name', (kind) => {
  let service: TestService
  /** Another process's service on the same Postgres; on the embedded database, the same service. */
  let other: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind })
    other = kind.name === 'Postgres' ? await startService({ kind: reconnected(service.database) }) : service
    anyone = clientOf(service.url)
  })
  afterAll(async () => {
    if (other !== service) await other.close()
    await service.close()
  })

  /** A session whose token both services have cached. */
  async function cachedSession(email = `${crypto.randomUUID()}@example.com`) {
    const registered = await anyone.post('/api/auth/register', { email, password })
    const { body } =
      registered.status === 201 ? registered : await anyone.post('/api/auth/login', { email, password })
    const token = textAt(body, 'access_token')
    await expectAdmitted(token)
    return {
      email,
      token,
      refresh: textAt(body, 'refresh_token'),
      client: anyone.as(token),
      ...claimsOf(token),
    }
  }
  const read = async (at: TestService, token: string) =>
    (await clientOf(at.url, token).ask('/api/transcriptions')).status
  const expectAdmitted = async (token: string) =>
    expect([await read(service, token), await read(other, token)]).toEqual([200, 200])
  /** Refused at once by the service that ended the access, and soon by the other. */
  async function expectRefused(token: string) {
    expect(await read(service, token)).toBe(401)
    while ((await read(other, token)) !== 401) await Bun.sleep(5)
  }

  test('a logout ends the access of the session', async () => {
    const { token, refresh } = await cachedSession()
    expect((await anyone.post('/api/auth/logout', { refresh_token: refresh })).status).toBe(204)
    await expectRefused(token)
  })

  test('a late second use of a refresh token ends the access of the session', async () => {
    const { token, refresh } = await cachedSession()
    const again = () => anyone.post('/api/auth/refresh', { refresh_token: refresh })
    expect((await again()).status).toBe(200)
    await expectAdmitted(token)
    await service.db
      .update(refreshTokens)
      .set({ usedAt: sql`${refreshTokens.usedAt} - interval '11 seconds'` })
    expect((await again()).status).toBe(401)
    await expectRefused(token)
  })

  test('a password change ends the access of the other sessions only', async () => {
    const { email, token } = await cachedSession()
    const { client, token: own } = await cachedSession(email)
    const sent = { current_password: password, new_password: `${password}!` }
    expect((await client.post('/api/auth/password', sent)).status).toBe(204)
    await expectRefused(token)
    await expectAdmitted(own)
  })

  test('the revocation of an API key ends its access', async () => {
    const { client } = await cachedSession()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await expectAdmitted(key)
    const revoked = await client.ask(`/api/auth/keys/${textAt(body, 'id')}`, { method: 'DELETE' })
    expect(revoked.status).toBe(204)
    await expectRefused(key)
  })

  test('the deletion of an account ends the access of its sessions and API keys', async () => {
    const { client, token } = await cachedSession()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    await expectAdmitted(textAt(body, 'key'))
    const removed = await client.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password }),
    })
    expect(removed.status).toBe(204)
    await expectRefused(token)
    await expectRefused(textAt(body, 'key'))
  })

  test('the expiry of an access token ends its access', async () => {
    const { sub } = await cachedSession()
    const soon = Math.floor(Date.now() / 1000) + 3
    const token = forge({ secret: SECRET, claims: { sub, exp: soon } })
    await expectAdmitted(token)
    while ((await read(service, token)) !== 401 || (await read(other, token)) !== 401) await Bun.sleep(20)
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(soon)
  })

  test('a change of rows by another database client ends the access', async () => {
    const expectEnded = async (token: string, statement: PromiseLike<unknown>) => {
      await statement
      for (const at of [service, other]) while ((await read(at, token)) !== 401) await Bun.sleep(5)
    }
    const first = await cachedSession()
    await expectEnded(first.token, service.db.delete(sessions).where(eq(sessions.id, first.sid)))
    const second = await cachedSession()
    await expectEnded(second.token, service.db.delete(users).where(eq(users.id, second.sub)))
    const third = await cachedSession()
    const { body } = await third.client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await expectAdmitted(key)
    const narrowed = service.db.update(apiKeys).set({ scopes: ['write'] })
    await narrowed.where(eq(apiKeys.userId, third.sub))
    while ((await read(other, key)) !== 403) await Bun.sleep(5)
  })

  test('a cached read-only API key cannot upload', async () => {
    const { client } = await cachedSession()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await expectAdmitted(key)
    expect(await clientOf(service.url, key).upload(fixture('speech.mp3'))).toMatchObject({ status: 403 })
  })
})

/** The same database over other connections. */
function reconnected({ url = '', openQueue }: TestDatabase): TestDatabaseKind {
  return {
    name: 'Postgres',
    async open() {
      const { db, ping, listen, close } = await openPostgres({ url })
      return {
        db,
        ping,
        listen,
        close,
        openQueue,
        url,
        changes: await openChanges({ listen }),
      }
    },
  }
}
