import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { envelopes, segments, spans, transcriptions } from '../../src/db/schema.ts'
import { insertSpans } from '../../src/transcriptions/spans.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { insertDecoded } from '../support/rows.ts'

describe.each(databases)('deletion of a transcription on $name', (kind) => {
  let service: TestService
  let ada: Client
  let bob: Client

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
    bob = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())

  const uploaded = async () => textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  const remove = (client: Client, id: string) => client.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })

  test('removes all its rows and files, and none of another', async () => {
    const kept = await uploaded()
    const before = await service.files()
    const id = await uploaded()
    const { link } = await withPlan(id)
    expect(await remove(ada, id)).toMatchObject({ status: 204, body: '' })
    expect(await service.files()).toEqual(before)
    for (const table of [transcriptions, envelopes, spans, segments]) {
      const rows = await service.db.select().from(table)
      expect(JSON.stringify(rows)).not.toContain(id)
    }
    expect((await ada.ask(`/api/transcriptions/${id}`)).status).toBe(404)
    expect((await fetch(link)).status).toBe(404)
    expect((await ada.ask(`/api/transcriptions/${kept}`)).status).toBe(200)
  })

  test('is refused with 404 for another user, an unknown id and a repeated request', async () => {
    const id = await uploaded()
    const files = await service.files()
    const gone = { status: 404, body: { error: 'Transcription not found', code: 'not_found' } }
    expect(await remove(bob, id)).toMatchObject(gone)
    expect(await remove(ada, crypto.randomUUID())).toMatchObject(gone)
    expect(await remove(ada, 'no-uuid')).toMatchObject(gone)
    expect(await remove(clientOf(service.url), id)).toMatchObject({ status: 401 })
    expect(await service.files()).toEqual(files)
    expect((await remove(ada, id)).status).toBe(204)
    expect(await remove(ada, id)).toMatchObject(gone)
  })

  async function withPlan(id: string) {
    const { body } = await ada.ask(`/api/transcriptions/${id}`)
    await insertDecoded(service.db, { id, samples: 16_000 })
    const ranges = [{ channel: 0, startSample: 0, endSample: 16_000 }]
    await service.db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges }))
    return { link: textAt(body, 'audio_file') }
  }
})
