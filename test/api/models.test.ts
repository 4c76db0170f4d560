import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { desc } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { reportModels } from '../../src/transcriptions/models/engine-models.store.ts'
import { type Client, fixture, textAt } from '../support/api-client.ts'
import { databases } from '../support/databases.ts'
import { startRoutes } from '../support/other-apis.ts'

describe.each(databases)('the model of a request on $name', (kind) => {
  let routes: Awaited<ReturnType<typeof startRoutes>>
  let ada: Client

  beforeAll(async () => {
    routes = await startRoutes(kind)
    await reportModels(routes.service.db, [
      {
        ...{ engine: 'sidecar', id: 'Systran/faster-whisper-base', aliases: ['base'] },
        ...{ languages: null, translates: true, words: true },
      },
      {
        ...{ engine: 'sidecar', id: 'tiny.en', aliases: ['tiny'] },
        ...{ languages: ['en'], translates: false, words: true },
      },
    ])
  })
  afterAll(() => routes.close())
  beforeEach(async () => {
    ada = routes.anyone.as(await routes.anyone.newToken())
  })

  const newest = async () => {
    const { db } = routes.service
    const [row] = await db.select().from(transcriptions).orderBy(desc(transcriptions.createdAt)).limit(1)
    return row
  }

  test('is in the status of an upload, and null without one', async () => {
    for (const model of ['base', 'tiny.en', undefined]) {
      const { status, body } = await ada.upload(fixture('speech.mp3'), { ...(model && { model }) })
      expect(status).toBe(202)
      const state = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}/`)
      expect(state.body).toMatchObject({ model: model ?? null })
    }
  })

  test('that no engine runs is refused, and nothing is left', async () => {
    const files = (await routes.service.files()).length
    for (const fields of [{ model: 'large-v3' }, { model: 'tiny.en', language: 'de' }]) {
      const { status, body } = await ada.upload(fixture('speech.mp3'), fields)
      expect(status).toBe(400)
      expect(body).toMatchObject({ code: 'validation' })
    }
    expect((await routes.service.files()).length).toBe(files)
  })

  test('is listed with its capabilities, beside engines and aliases', async () => {
    const { body } = await ada.ask('/v1/models')
    const { data } = body as { data: { id: string }[] }
    expect(data.find(({ id }) => id === 'tiny.en')).toEqual({
      ...{ id: 'tiny.en', root: 'tiny.en', object: 'model', created: 0, owned_by: 'verbatim' },
      ...{ engine: 'sidecar', languages: ['en'], translate: false, words: true, speakers: true },
    })
    // The engine's model wins over the alias of the same name.
    expect(data.find(({ id }) => id === 'base')).toMatchObject({ root: 'Systran/faster-whisper-base' })
    expect(data.find(({ id }) => id === 'whisper-1')).toEqual({
      ...{ id: 'whisper-1', object: 'model', created: 0, owned_by: 'verbatim' },
    })
    expect((await ada.ask('/v1/models/Tiny')).body).toMatchObject({ id: 'tiny', root: 'tiny.en' })
  })

  test.each([
    ['tiny.en', 'tiny.en'],
    ['base', 'Systran/faster-whisper-base'],
    ['whisper-1', null],
    ['whisper-large-v3', null],
  ])('of /v1, %s, means %s', async (model, expected) => {
    const form = new FormData()
    form.set('file', fixture('speech.mp3'), 'speech.mp3')
    form.set('model', model)
    const leaving = new AbortController()
    const request = { method: 'POST', body: form, signal: leaving.signal }
    const response = ada.ask('/v1/audio/transcriptions', request).catch(() => null)
    expect(await routes.ephemeral()).toMatchObject({ model: expected, engine: null })
    leaving.abort()
    await response
    while (await newest().then((row) => row?.isEphemeral)) await Bun.sleep(10)
  })
})
