import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { idempotencyKeys } from '../../src/db/schema.ts'
import { forgetKeys } from '../../src/transcriptions/intake/idempotency.store.ts'
import { KEPT_SECONDS } from '../../src/transcriptions/intake/idempotency.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

describe.each(databases)('an Idempotency-Key on $name', (kind) => {
  let service: TestService
  let ada: Client
  let token: string
  let key: string

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    token = await anyone.newToken()
    ada = anyone.as(token)
  })
  afterAll(() => service.close())
  beforeEach(() => {
    key = crypto.randomUUID()
  })

  function formOf(fields: Record<string, string> = {}, file = 'speech.mp3') {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    form.set('audio', fixture(file), 'speech')
    return form
  }

  const send = (
    body: BodyInit | null,
    { by = ada, path = '/api/transcribe', method = 'POST', as = key } = {},
  ) => by.ask(path, { method, body, headers: { 'idempotency-key': as } })

  const idOf = ({ status, body }: { status: number; body: unknown }) => {
    expect({ status, body }).toMatchObject({ status: 202 })
    return textAt(body, 'transcription_id')
  }

  const keys = () => service.db.select().from(idempotencyKeys)

  test('a repeated upload returns the first transcription and stores nothing', async () => {
    const first = idOf(await send(formOf({ language: 'en', words: 'true' })))
    const files = await service.files()
    const again = await send(formOf({ words: 'true', language: 'en' }), { as: `"${key}"` })
    expect(idOf(again)).toBe(first)
    expect(await service.files()).toEqual(files)
    expect((await ada.ask('/api/transcriptions')).body).toMatchObject({ transcriptions: [{ id: first }] })
  })

  test('a repeated upload of a bare body returns the first transcription', async () => {
    const put = (query: string) =>
      send(fixture('speech.mp3'), { path: `/api/transcribe?${query}`, method: 'PUT' })
    const first = idOf(await put('language=de'))
    expect(idOf(await put('language=de'))).toBe(first)
    expect(await put('language=en')).toMatchObject({ status: 422 })
  })

  test('a key with another audio, option or filename returns 422 and stores nothing', async () => {
    idOf(await send(formOf()))
    const files = await service.files()
    const renamed = formOf()
    renamed.set('audio', fixture('speech.mp3'), 'other')
    for (const form of [formOf({}, 'speech.wav'), formOf({ language: 'de' }), renamed]) {
      expect(await send(form)).toMatchObject({
        status: 422,
        body: { error: expect.stringContaining('another body'), code: 'idempotency_key_reused' },
      })
    }
    expect(await service.files()).toEqual(files)
  })

  test('two users can use the same key', async () => {
    const anyone = clientOf(service.url)
    const eve = anyone.as(await anyone.newToken())
    const first = idOf(await send(formOf()))
    expect(idOf(await send(formOf({ language: 'de' }), { by: eve }))).not.toBe(first)
  })

  test('a second request returns 409 while the first is in progress', async () => {
    const { audio, body, gate } = await halfSent()
    const first = send(body, { method: 'PUT' })
    while ((await keys()).every((row) => row.key !== key)) await Bun.sleep(5)
    for (let time = 0; time < 2; time++) {
      expect(await send(audio, { method: 'PUT' })).toMatchObject({
        status: 409,
        body: { code: 'idempotency_key_in_use' },
      })
    }
    gate.resolve()
    const id = idOf(await first)
    expect(idOf(await send(audio, { method: 'PUT' }))).toBe(id)
  })

  test('one of many simultaneous requests is accepted', async () => {
    const responses = await Promise.all(Array.from({ length: 8 }, () => send(formOf())))
    const accepted = responses.filter(({ status }) => status === 202)
    expect(new Set(accepted.map(idOf)).size).toBe(1)
    expect(responses.every(({ status }) => status === 202 || status === 409)).toBe(true)
    expect(accepted.length).toBeGreaterThan(0)
  })

  test('a key can be used again after a refused request', async () => {
    expect(await send(formOf({ language: 'tlh' }))).toMatchObject({ status: 400 })
    expect(await send(null)).toMatchObject({ status: 400 })
    idOf(await send(formOf()))
  })

  test('a key is free after its holder is silent for a minute, and that holder cannot commit', async () => {
    const { audio, body, gate } = await halfSent()
    const silent = send(body, { method: 'PUT' })
    while ((await keys()).every((row) => row.key !== key)) await Bun.sleep(5)
    await service.db
      .update(idempotencyKeys)
      .set({ heldAt: sql`now() - interval '61 seconds'` })
      .where(eq(idempotencyKeys.key, key))
    const id = idOf(await send(audio, { method: 'PUT' }))
    const files = await service.files()
    gate.resolve()
    expect(await silent).toMatchObject({ status: 409, body: { code: 'idempotency_key_in_use' } })
    const left = await service.files()
    expect(files).toEqual(expect.arrayContaining(left))
    expect(idOf(await send(audio, { method: 'PUT' }))).toBe(id)
  })

  test('a key is deleted with its transcription, and after a day', async () => {
    const first = idOf(await send(formOf()))
    await ada.ask(`/api/transcriptions/${first}`, { method: 'DELETE' })
    const second = idOf(await send(formOf()))
    expect(second).not.toBe(first)
    await service.db
      .update(idempotencyKeys)
      .set({ createdAt: sql`now() - interval '25 hours'`, heldAt: sql`now() - interval '25 hours'` })
      .where(eq(idempotencyKeys.key, key))
    const third = idOf(await send(formOf({ language: 'de' })))
    expect(third).not.toBe(second)
    expect(await forgetKeys(service.db, { keptSeconds: KEPT_SECONDS })).toBe(0)
    await service.db
      .update(idempotencyKeys)
      .set({ createdAt: sql`now() - interval '25 hours'`, heldAt: sql`now() - interval '25 hours'` })
      .where(eq(idempotencyKeys.key, key))
    expect(await forgetKeys(service.db, { keptSeconds: KEPT_SECONDS })).toBe(1)
  })

  test.each(['x'.repeat(256), 'two words', '""'])('the key %j returns 400', async (as) => {
    const { status, body } = await send(formOf(), { as })
    expect({ status, body }).toMatchObject({ status: 400, body: { code: 'validation' } })
    expect(textAt(body, 'error')).toContain('Idempotency-Key')
  })

  test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
})

/** Audio as a body whose end is sent when `gate` resolves. */
async function halfSent() {
  const audio = await fixture('speech.mp3').bytes()
  const gate = Promise.withResolvers<void>()
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(audio.slice(0, 1000))
      await gate.promise
      controller.enqueue(audio.slice(1000))
      controller.close()
    },
  })
  return { audio, body, gate }
}
