import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { apiKeys } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

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
  const newKey = async (scopes: string[]) => {
    const { body } = await create(ada, scopes)
    return { id: textAt(body, 'id'), key: textAt(body, 'key'), client: ada.as(textAt(body, 'key')) }
  }
  const denied = { status: 403, body: { code: 'insufficient_scope' } }

  test('an API key is returned once and stored as a hash', async () => {
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

  test('an API key with read and write can upload, read and delete', async () => {
    const { client } = await newKey(['read', 'write'])
    const { status, body } = await client.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    const path = `/api/transcriptions/${textAt(body, 'transcription_id')}`
    expect((await client.ask(path)).status).toBe(200)
    expect((await client.ask(path, { method: 'DELETE' })).status).toBe(204)
  })

  test('a read-only API key cannot upload, cancel or delete', async () => {
    const id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
    const before = await service.files()
    const { client } = await newKey(['read'])
    expect((await client.ask(`/api/transcriptions/${id}`)).status).toBe(200)
    expect(await client.upload(fixture('speech.mp3'))).toMatchObject(denied)
    expect(await client.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).toMatchObject(denied)
    expect(await client.post(`/api/transcriptions/${id}/cancel`, {})).toMatchObject(denied)
    expect(await service.files()).toEqual(before)
    expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject({ status: 'queued' })
  })

  test('a write-only API key cannot read', async () => {
    const { client } = await newKey(['write'])
    const { status, body } = await client.upload(fixture('speech.mp3'))
    expect(status).toBe(202)
    expect(await client.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)).toMatchObject(denied)
  })

  test('an API key cannot manage API keys or the account', async () => {
    const { client, id } = await newKey(['read', 'write'])
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

  test('a revoked API key is refused, and only its owner can revoke it', async () => {
    const { client, id } = await newKey(['read'])
    const revoke = (by: Client) => by.ask(`/api/auth/keys/${id}`, { method: 'DELETE' })
    expect(await revoke(eve)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await client.ask('/api/auth/me')).status).toBe(200)
    expect((await revoke(ada)).status).toBe(204)
    expect(await client.ask('/api/auth/me')).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect((await revoke(ada)).status).toBe(404)
    expect((await ada.ask('/api/auth/keys/1', { method: 'DELETE' })).status).toBe(404)
  })

  test('last_used_at of an API key is accurate to a minute', async () => {
    const { client, id } = await newKey(['read'])
    const lastUsed = async () => {
      await client.ask('/api/auth/me')
      const [row] = await service.db.select().from(apiKeys).where(sql`${apiKeys.id} = ${id}`)
      return row?.lastUsedAt?.getTime() ?? 0
    }
    const first = await lastUsed()
    expect(Math.abs(Date.now() - first)).toBeLessThan(30_000)
    expect(await lastUsed()).toBe(first)
    await service.db
      .update(apiKeys)
      .set({ lastUsedAt: sql`now() - interval '61 seconds'` })
      .where(sql`${apiKeys.id} = ${id}`)
    expect(await lastUsed()).toBeGreaterThan(first)
  })

  test.each([
    ['without a scope', { name: 'a', scopes: [] }],
    ['with a scope of access tokens', { name: 'a', scopes: ['read', 'account'] }],
    ['with a scope twice', { name: 'a', scopes: ['read', 'read'] }],
    ['without a name', { name: '', scopes: ['read'] }],
    ['with a NUL in its name', { name: 'a\0', scopes: ['read'] }],
  ])('no API key is created %s', async (_, sent) => {
    expect(await ada.post('/api/auth/keys', sent)).toMatchObject({
      status: 400,
      body: { code: 'validation' },
    })
  })

  test('a user can have 100 API keys', async () => {
    const { userId } = { userId: textAt((await eve.ask('/api/auth/me')).body, 'id') }
    const keys = Array.from({ length: 100 }, (_, index) => ({
      userId,
      name: `${index}`,
      hash: `${index}`,
      hint: 'vk_',
      scopes: ['read' as const],
    }))
    await service.db.insert(apiKeys).values(keys)
    expect(await create(eve, ['read'])).toMatchObject({ status: 409, body: { code: 'too_many_keys' } })
  })
})
