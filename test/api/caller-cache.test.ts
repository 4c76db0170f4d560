import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { openChanges } from '../../src/db/changes.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { apiKeys, refreshTokens, sessions, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases, type TestDatabase, type TestDatabaseKind } from '../support/databases.ts'
import { claimsOf, forge } from './jwt.ts'

setDefaultTimeout(60_000)

const password = 'correct horse battery'

describe.each(databases)('who was let in a moment ago, on $name', (kind) => {
  let service: TestService
  /** Another on the same database; where that is embedded there can be none, and it is the same. */
  let other: TestService
  let anyone: Client

  beforeAll(async () => {
    service = await startService({ kind })
    other = kind.name === 'Postgres' ? await startService({ kind: again(service.database) }) : service
    anyone = clientOf(service.url)
  })
  afterAll(async () => {
    if (other !== service) await other.close()
    await service.close()
  })

  /** A session whose token both services have let in. */
  async function known(email = `${crypto.randomUUID()}@example.com`) {
    const registered = await anyone.post('/api/auth/register', { email, password })
    const { body } =
      registered.status === 201 ? registered : await anyone.post('/api/auth/login', { email, password })
    const token = textAt(body, 'access_token')
    await letIn(token)
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
  const letIn = async (token: string) =>
    expect([await read(service, token), await read(other, token)]).toEqual([200, 200])
  /** At once where it was said, and soon in the other. */
  async function expectRefused(token: string) {
    expect(await read(service, token)).toBe(401)
    while ((await read(other, token)) !== 401) await Bun.sleep(5)
  }

  test('a logout', async () => {
    const { token, refresh } = await known()
    expect((await anyone.post('/api/auth/logout', { refresh_token: refresh })).status).toBe(204)
    await expectRefused(token)
  })

  test('a refresh token that comes a second time', async () => {
    const { token, refresh } = await known()
    const again = () => anyone.post('/api/auth/refresh', { refresh_token: refresh })
    expect((await again()).status).toBe(200)
    await letIn(token)
    await service.db
      .update(refreshTokens)
      .set({ usedAt: sql`${refreshTokens.usedAt} - interval '11 seconds'` })
    expect((await again()).status).toBe(401)
    await expectRefused(token)
  })

  test('a changed password, of the other sessions alone', async () => {
    const { email, token } = await known()
    const { client, token: own } = await known(email)
    const sent = { current_password: password, new_password: `${password}!` }
    expect((await client.post('/api/auth/password', sent)).status).toBe(204)
    await expectRefused(token)
    await letIn(own)
  })

  test('a key that is revoked', async () => {
    const { client } = await known()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await letIn(key)
    const revoked = await client.ask(`/api/auth/keys/${textAt(body, 'id')}`, { method: 'DELETE' })
    expect(revoked.status).toBe(204)
    await expectRefused(key)
  })

  test('an account that is deleted, with its keys', async () => {
    const { client, token } = await known()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    await letIn(textAt(body, 'key'))
    const removed = await client.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password }),
    })
    expect(removed.status).toBe(204)
    await expectRefused(token)
    await expectRefused(textAt(body, 'key'))
  })

  test('an access token that expires', async () => {
    const { sub } = await known()
    const soon = Math.floor(Date.now() / 1000) + 3
    const token = forge({ secret: SECRET, claims: { sub, exp: soon } })
    await letIn(token)
    while ((await read(service, token)) !== 401 || (await read(other, token)) !== 401) await Bun.sleep(20)
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(soon)
  })

  test('whatever takes it away in the database', async () => {
    const gone = async (token: string, statement: PromiseLike<unknown>) => {
      await statement
      for (const at of [service, other]) while ((await read(at, token)) !== 401) await Bun.sleep(5)
    }
    const one = await known()
    await gone(one.token, service.db.delete(sessions).where(eq(sessions.id, one.sid)))
    const two = await known()
    await gone(two.token, service.db.delete(users).where(eq(users.id, two.sub)))
    const three = await known()
    const { body } = await three.client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await letIn(key)
    const narrowed = service.db.update(apiKeys).set({ scopes: ['write'] })
    await narrowed.where(eq(apiKeys.userId, three.sub))
    while ((await read(other, key)) !== 403) await Bun.sleep(5)
  })

  test('a key that may read alone writes nothing, though it was let in to read', async () => {
    const { client } = await known()
    const { body } = await client.post('/api/auth/keys', { name: 'a', scopes: ['read'] })
    const key = textAt(body, 'key')
    await letIn(key)
    expect(await clientOf(service.url, key).upload(fixture('speech.mp3'))).toMatchObject({ status: 403 })
  })
})

/** The same database, over connections of its own. */
function again({ url = '' }: TestDatabase): TestDatabaseKind {
  return {
    name: 'Postgres',
    async open() {
      const { db, ping, listen, close } = await openPostgres({ url })
      return {
        ...{ db, ping, listen, close, connection: { url }, url },
        changes: await openChanges({ listen }),
      }
    },
  }
}
