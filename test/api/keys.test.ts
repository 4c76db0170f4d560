import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { apiKeys } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

setDefaultTimeout(60_000)

describe.each(databases)('API keys on $name', (kind) => {
  let service: TestService
  let ada: Client
  let eve: Client

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
    eve = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  const create = (client: Client, scopes: string[], name = 'import') =>
    client.post('/api/auth/keys', { name, scopes })
  const made = async (scopes: string[]) => {
    const { body } = await create(ada, scopes)
    return { id: textAt(body, 'id'), key: textAt(body, 'key'), client: ada.as(textAt(body, 'key')) }
  }
  const denied = { status: 403, body: { code: 'insufficient_scope' } }

  test('a key is told once, and kept as a hash', async () => {
    const { status, body } = await create(ada, ['read', 'write'])
    expect(status).toBe(201)
    const key = textAt(body, 'key')
    expect(key).toMatch(/^vk_[\w-]{43}$/)
    const listed = await ada.ask('/api/auth/keys')
    expect(listed.body).toEqual({
      keys: [
        {
          id: textAt(body, 'id'),
          name: 'import',
          hint: key.slice(0, 9),
          scopes: ['read', 'write'],
          created_at: expect.any(String),
          last_used_at: null,
        },
      ],
    })
    const rows = await service.db.select().from(apiKeys)
    expect(JSON.stringify([rows, listed.body])).not.toContain(key.slice(10))
    expect((await eve.ask('/api/auth/keys')).body).toEqual({ keys: [] })
  })

  test('one to read and write uploads, reads and deletes', async () => {
    const { client } = await made(['read', 'write'])
    const { status, body } = await client.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    const path = `/api/transcriptions/${textAt(body, 'transcription_id')}`
    expect((await client.ask(path)).status).toBe(200)
    expect((await client.ask(path, { method: 'DELETE' })).status).toBe(204)
  })

  test('one to read reads, and changes nothing', async () => {
    const id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
    const before = await service.files()
    const { client } = await made(['read'])
    expect((await client.ask(`/api/transcriptions/${id}`)).status).toBe(200)
    expect(await client.upload(fixture('speech.mp3'))).toMatchObject(denied)
    expect(await client.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).toMatchObject(denied)
    expect(await client.post(`/api/transcriptions/${id}/cancel`, {})).toMatchObject(denied)
    expect(await service.files()).toEqual(before)
    expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject({ status: 'queued' })
  })

  test('one to write uploads, and reads nothing', async () => {
    const { client } = await made(['write'])
    const { status, body } = await client.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    expect(await client.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)).toMatchObject(denied)
  })

  test('no key makes, lists or revokes keys, or touches the account', async () => {
    const { client, id } = await made(['read', 'write'])
    const before = await service.db.select({ id: apiKeys.id }).from(apiKeys)
    expect(await create(client, ['read'])).toMatchObject(denied)
    expect(await client.ask('/api/auth/keys')).toMatchObject(denied)
    expect(await client.ask(`/api/auth/keys/${id}`, { method: 'DELETE' })).toMatchObject(denied)
    expect(
      await client.post('/api/auth/password', {
        current_password: 'correct horse battery',
        new_password: 'another horse battery',
      }),
    ).toMatchObject(denied)
    expect(await service.db.select({ id: apiKeys.id }).from(apiKeys)).toEqual(before)
  })

  test('a revoked key opens nothing; only its owner revokes it', async () => {
    const { client, id } = await made(['read'])
    const revoke = (by: Client) => by.ask(`/api/auth/keys/${id}`, { method: 'DELETE' })
    expect(await revoke(eve)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await client.ask('/api/auth/me')).status).toBe(200)
    expect((await revoke(ada)).status).toBe(204)
    expect(await client.ask('/api/auth/me')).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect((await revoke(ada)).status).toBe(404)
    expect((await ada.ask('/api/auth/keys/1', { method: 'DELETE' })).status).toBe(404)
  })

  test('when a key was last used is noted, to the minute', async () => {
    const { client, id } = await made(['read'])
    const used = async () => {
      await client.ask('/api/auth/me')
      const [row] = await service.db.select().from(apiKeys).where(sql`${apiKeys.id} = ${id}`)
      return row?.lastUsedAt?.getTime() ?? 0
    }
    const first = await used()
    expect(Math.abs(Date.now() - first)).toBeLessThan(30_000)
    expect(await used()).toBe(first)
    await service.db
      .update(apiKeys)
      .set({ lastUsedAt: sql`now() - interval '61 seconds'` })
      .where(sql`${apiKeys.id} = ${id}`)
    expect(await used()).toBeGreaterThan(first)
  })

  test.each([
    ['without a scope', { name: 'a', scopes: [] }],
    ['with a scope that keys do not have', { name: 'a', scopes: ['read', 'account'] }],
    ['with a scope twice', { name: 'a', scopes: ['read', 'read'] }],
    ['without a name', { name: '', scopes: ['read'] }],
    ['with a NUL in its name', { name: 'a\0', scopes: ['read'] }],
  ])('none is made %s', async (_, sent) => {
    expect(await ada.post('/api/auth/keys', sent)).toMatchObject({
      status: 400,
      body: { code: 'validation' },
    })
  })

  test('there is an end to their number', async () => {
    const { userId } = { userId: textAt((await eve.ask('/api/auth/me')).body, 'id') }
    const keys = Array.from({ length: 100 }, (_, place) => ({
      userId,
      name: `${place}`,
      hash: `${place}`,
      hint: 'vk_',
      scopes: ['read' as const],
    }))
    await service.db.insert(apiKeys).values(keys)
    expect(await create(eve, ['read'])).toMatchObject({ status: 409, body: { code: 'too_many_keys' } })
  })
})
