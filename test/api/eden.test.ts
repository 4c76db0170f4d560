import { afterAll, beforeAll, expect, test } from 'bun:test'
import { treaty } from '@elysiajs/eden'
import type { App } from '../../src/app.ts'
import { fixture } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'
import { finishWith } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

let service: TestService

beforeAll(async () => {
  service = await startService({ kind: embedded })
})
afterAll(() => service.close())

test('Eden’s client registers, uploads and reads with the types of the routes', async () => {
  const anyone = treaty<App>(service.url)
  const session = await anyone.api.auth.register.post({
    email: 'ada@example.com',
    password: 'correct horse battery',
  })
  if (session.error) throw session.error
  const { api } = treaty<App>(service.url, {
    headers: { authorization: `Bearer ${session.data.access_token}` },
    // The types say that times are strings.
    parseDate: false,
  })

  const uploaded = await api.transcribe.post({ audio: fixture('speech.mp3'), language: 'de' })
  if (uploaded.error) throw uploaded.error
  if (!('transcription_id' in uploaded.data))
    throw new Error('the response waited until the transcription had finished')
  const transcription = api.transcriptions({ id: uploaded.data.transcription_id })

  const status = await transcription.get()
  expect(status.data?.status).toBe('queued')
  expect(status.data?.language).toBe('de')
  expect(Date.now() - Date.parse(status.data?.created_at ?? '')).toBeLessThan(60_000)

  const early = await transcription.transcript.get({ query: { format: 'json' } })
  if (early.error?.status !== 409) throw new Error('the transcription has finished already')
  expect(early.error.value.code).toBe('not_ready')

  const segments = [segmentOf({ start: 0, end: 2, text: ' Guten Tag.', language: 'de' })]
  await finishWith(service.db, { id: uploaded.data.transcription_id, seconds: 7, heard: segments })
  const read = await transcription.transcript.get({ query: { format: 'json' } })
  if (typeof read.data !== 'object' || !read.data || !('engines' in read.data)) throw read.error
  expect(read.data.segments.map(({ text }) => text.trim())).toEqual(['Guten Tag.'])

  // @ts-expect-error: no such format
  const other = await transcription.transcript.get({ query: { format: 'docx' } })
  expect(other.status).toBe(400)
})
