import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { updateUser } from '../../src/admin/admin.store.ts'
import { usage, users } from '../../src/db/schema.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

const password = 'correct horse battery'

describe.each(databases)('administration on $name', (kind) => {
  let service: TestService
  let admin: Client
  let ada: Client
  let adaId: string

  const register = async (email: string) => {
    const anyone = clientOf(service.url)
    const { body } = await anyone.post('/api/auth/register', { email, password })
    return anyone.as(textAt(body, 'access_token'))
  }
  const change = (client: Client, id: string, sent: object) =>
    client.ask(`/api/admin/users/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    })

  beforeAll(async () => {
    service = await startService({ kind })
    admin = await register('admin@example.com')
    ada = await register('ada@example.com')
    adaId = textAt((await ada.ask('/api/auth/me')).body, 'id')
    expect((await admin.ask('/api/admin/users')).status).toBe(403)
    const id = textAt((await admin.ask('/api/auth/me')).body, 'id')
    expect(await updateUser(service.db, { id, role: 'admin' })).toMatchObject({ role: 'admin' })
  })
  afterAll(() => service.close())

  test('a token issued before the promotion is accepted; an administrator’s API key is not', async () => {
    expect((await admin.ask('/api/auth/me')).body).toMatchObject({ role: 'admin' })
    expect((await admin.ask('/api/admin/users')).status).toBe(200)
    const { body } = await admin.post('/api/auth/keys', { name: 'a', scopes: ['read', 'write'] })
    const answer = await admin.as(textAt(body, 'key')).ask('/api/admin/users')
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } })
    expect(await ada.ask('/api/admin/users')).toMatchObject(answer)
  })

  test('an administrator creates an account, and its owner logs in', async () => {
    const sent = { email: 'Bob@example.com', password }
    const created = await admin.post('/api/admin/users', sent)
    expect(created).toMatchObject({ status: 201, body: { email: 'bob@example.com', role: 'user' } })
    const anyone = clientOf(service.url)
    const { body } = await anyone.post('/api/auth/login', sent)
    const me = (await anyone.as(textAt(body, 'access_token')).ask('/api/auth/me')).body
    expect(me).toMatchObject({ id: textAt(created.body, 'id'), email: 'bob@example.com' })
    expect(await admin.post('/api/admin/users', sent)).toMatchObject({
      status: 409,
      body: { code: 'email_taken' },
    })
    expect((await ada.post('/api/admin/users', sent)).status).toBe(403)
    await service.db.delete(users).where(eq(users.id, textAt(me, 'id')))
  })

  test('the list of users has their open transcriptions and their usage', async () => {
    await ada.upload(fixture('speech.mp3'))
    const { body } = await ada.upload(fixture('speech.mp3'), { end: '2' })
    await ada.post(`/api/transcriptions/${textAt(body, 'transcription_id')}/cancel`, {})
    const { body: list } = await admin.ask('/api/admin/users')
    expect(list).toEqual({
      users: [
        expect.objectContaining({ email: 'admin@example.com', role: 'admin', open: 0, transcriptions: 0 }),
        {
          id: adaId,
          email: 'ada@example.com',
          role: 'user',
          priority: 0,
          created_at: expect.any(String),
          open: 1,
          transcriptions: 2,
          audio_seconds: expect.closeTo(7.2, 1),
        },
      ],
      next: null,
    })
    expect(JSON.stringify(list)).not.toContain('argon2id')
    const { body: filtered } = await admin.ask('/api/admin/users?email=ADA@example.com')
    expect(filtered).toMatchObject({ users: [{ id: adaId }], next: null })
  })

  test('pages list each user exactly once', async () => {
    const many = Array.from({ length: 205 }, (_, index) => ({ email: `${index}@many.example` }))
    await service.db.insert(users).values(many)
    const seen: string[] = []
    for (let after = ''; ; ) {
      const { body } = await admin.ask(`/api/admin/users${after && `?after=${after}`}`)
      const page: { users: { id: string }[]; next: string | null } = JSON.parse(JSON.stringify(body))
      seen.push(...page.users.map(({ id }) => id))
      if (page.next === null) break
      after = page.next
    }
    expect(seen.length).toBe(207)
    expect(new Set(seen).size).toBe(207)
    expect(await admin.ask('/api/admin/users?after=x')).toMatchObject({ status: 400 })
    await service.db.delete(users).where(sql`${users.email} like '%@many.example'`)
  })

  test('an administrator sets a user’s priority and role', async () => {
    expect(await change(admin, adaId, { priority: 7 })).toMatchObject({
      status: 200,
      body: { id: adaId, priority: 7, role: 'user' },
    })
    expect((await change(ada, adaId, { role: 'admin' })).status).toBe(403)
    expect((await change(admin, adaId, { role: 'admin' })).body).toMatchObject({ role: 'admin', priority: 7 })
    expect((await ada.ask('/api/admin/users')).status).toBe(200)
    expect((await change(admin, adaId, { priority: 6 })).body).toMatchObject({ role: 'admin', priority: 6 })
    await change(admin, adaId, { role: 'user' })
    expect((await ada.ask('/api/admin/users')).status).toBe(403)
  })

  test.each([
    ['an empty change', {}, 400],
    ['a priority that is too high', { priority: 101 }, 400],
    ['a fractional priority', { priority: 0.5 }, 400],
    ['an unknown role', { role: 'root' }, 400],
  ])('%s is refused', async (_, sent, status) => {
    expect(await change(admin, adaId, sent)).toMatchObject({ status, body: { code: 'validation' } })
  })

  test('a change of an unknown user answers 404', async () => {
    for (const id of [crypto.randomUUID(), '1']) {
      expect(await change(admin, id, { priority: 1 })).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
    }
  })

  test('usage is summed by day and by user', async () => {
    await service.db.delete(usage)
    const adminId = textAt((await admin.ask('/api/auth/me')).body, 'id')
    const row = (userId: string, day: string, transcriptions: number, audioSeconds: number) => ({
      userId,
      day,
      transcriptions,
      audioSeconds,
    })
    await service.db
      .insert(usage)
      .values([
        row(adaId, '2026-01-01', 1, 10),
        row(adaId, '2026-01-02', 2, 20.5),
        row(adminId, '2026-01-02', 4, 5),
        row(adaId, '2026-01-03', 8, 40),
      ])
    const { body } = await admin.ask('/api/admin/usage?from=2026-01-01&to=2026-01-02')
    expect(body).toEqual({
      from: '2026-01-01',
      to: '2026-01-02',
      days: [
        { day: '2026-01-02', users: 2, transcriptions: 6, audio_seconds: 25.5 },
        { day: '2026-01-01', users: 1, transcriptions: 1, audio_seconds: 10 },
      ],
      users: [
        { id: adaId, email: 'ada@example.com', transcriptions: 3, audio_seconds: 30.5 },
        { id: adminId, email: 'admin@example.com', transcriptions: 4, audio_seconds: 5 },
      ],
    })
    await ada.upload(fixture('speech.mp3'))
    expect((await admin.ask('/api/admin/usage')).body).toMatchObject({
      days: [{ users: 1, transcriptions: 1 }],
    })
    for (const query of ['from=yesterday', 'to=2026-02-31', "from=2026-01-01'"]) {
      expect(await admin.ask(`/api/admin/usage?${query}`)).toMatchObject({ status: 400 })
    }
  })

  test('an administrator requeues another user’s canceled transcription', async () => {
    const id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
    await ada.post(`/api/transcriptions/${id}/cancel`, {})
    const requeue = (client: Client, id: string) =>
      client.ask(`/api/admin/transcriptions/${id}/requeue`, { method: 'POST' })
    expect((await requeue(ada, id)).status).toBe(403)
    expect(await requeue(admin, id)).toMatchObject({ status: 200, body: { id, status: 'queued' } })
    expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject({
      status: 'queued',
      completed_at: null,
    })
    expect((await requeue(admin, crypto.randomUUID())).status).toBe(404)
  })
})
