import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { startProcessing } from '../../src/transcriptions/pipeline/decoded.store.ts'
import { nodeHmac } from '../../src/transcriptions/reading/node-hmac.ts'
import { createLinkSigner } from '../../src/transcriptions/reading/signed-links.ts'
import { claimSpan, finishSpan, insertSpans } from '../../src/transcriptions/spans.store.ts'
import { addDoneSamples, complete, fail } from '../../src/transcriptions/transcriptions.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { SECRET, startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { eventsIn } from '../support/event-stream.ts'
import { insertDecoded } from '../support/rows.ts'
import { segmentOf } from '../support/scripted-engine.ts'

const SECOND = 16_000
const TRUNCATED = { code: 'truncated', message: 'The file ends early' } as const

describe.each(databases)('events of a transcription on $name', (kind) => {
  let service: TestService
  let ada: Client
  let bob: Client
  let token: string
  let id: string
  let spans: { id: string; startSample: number }[]

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    token = await anyone.newToken()
    ada = anyone.as(token)
    bob = anyone.as(await anyone.newToken())
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  })

  async function plan() {
    await startProcessing(service.db, id)
    await insertDecoded(service.db, { id, samples: 3 * SECOND, warnings: [TRUNCATED] })
    const ranges = [0, 1, 2].map((at) => ({
      channel: 0,
      startSample: at * SECOND,
      endSample: (at + 1) * SECOND,
    }))
    spans = await service.db.transaction((tx) => insertSpans(tx, { transcriptionId: id, ranges }))
    spans.sort((a, b) => a.startSample - b.startSample)
  }

  async function finish(index: number) {
    const claimed = await claimSpan(service.db, spans[index]?.id ?? '')
    if (!claimed) throw new Error('the span cannot be claimed')
    const { span } = claimed
    await service.db.transaction(async (tx) => {
      const result = { model: 'scripted', segments: [segmentOf({ text: ` text ${index}` })], detected: null }
      const after = await addDoneSamples(tx, { id, samples: SECOND })
      await finishSpan(tx, {
        claim: { spanId: span.id, attempt: span.attempt },
        span,
        result,
        engine: 'sidecar',
        revision: after?.revision ?? 0,
      })
      if (after?.doneSamples === after?.workSamples) {
        await complete(tx, { id, text: 'all of it', detectedLanguage: 'en' })
      }
    })
  }

  async function open(lastEventId?: string) {
    const response = await fetch(`${service.url}/api/transcriptions/${id}/events`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
    })
    expect(response.status).toBe(200)
    if (!response.body) throw new Error('no body')
    return eventsIn(response.body)
  }

  test('are sent as they happen, with segments in the order in which they finish', async () => {
    const events = await open()
    expect(await events.next()).toMatchObject({
      event: 'status',
      data: { id, status: 'queued', progress: 0, warnings: [] },
    })
    await plan()
    expect(await events.until('status', ({ duration }) => duration !== null)).toMatchObject({
      status: 'processing',
      progress: 0,
      warnings: [TRUNCATED],
    })
    await finish(1)
    expect(await events.until('segments')).toEqual({
      start: 1,
      end: 2,
      segments: [{ start: 1, end: 2, text: 'text 1', language: null }],
    })
    expect(await events.until('status')).toMatchObject({ progress: 0.333 })
    await finish(0)
    expect(await events.until('segments')).toMatchObject({ start: 0, segments: [{ text: 'text 0' }] })
    await finish(2)
    expect(await events.until('segments')).toMatchObject({ start: 2, segments: [{ text: 'text 2' }] })
    expect(await events.until('status')).toMatchObject({ status: 'completed', transcription: 'all of it' })
    expect(await events.next()).toBeNull()
  })

  test('resume after the last event that was received', async () => {
    await plan()
    await finish(2)
    const first = await open()
    await first.until('segments')
    const heard = first.lastId
    await first.cancel()
    await finish(0)
    const second = await open(heard)
    expect(await second.until('segments')).toMatchObject({ start: 0 })
    await finish(1)
    expect(await second.until('segments')).toMatchObject({ start: 1 })
    expect(await second.until('status', ({ status }) => status === 'completed')).toBeTruthy()
    const late = await open(second.lastId)
    expect(await late.next()).toMatchObject({ event: 'status', data: { status: 'completed' } })
    expect(await late.next()).toBeNull()
  })

  test('end when the transcription is removed', async () => {
    const events = await open()
    await events.next()
    expect((await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await events.next()).toEqual({ event: 'removed', data: { id } })
    expect(await events.next()).toBeNull()
  })

  test('are sent only to the owner', async () => {
    const path = `/api/transcriptions/${id}/events`
    expect((await bob.ask(path)).status).toBe(404)
    expect((await clientOf(service.url).ask(path)).status).toBe(401)
  })

  describe('the link `events` of the status', () => {
    const statusOf = async () => (await ada.ask(`/api/transcriptions/${id}`)).body
    const linkOf = async () => textAt(await statusOf(), 'events')

    test('opens the stream without a token, resumes it, and renews no link', async () => {
      await plan()
      await finish(0)
      const link = await linkOf()
      const first = eventsIn((await fetch(link)).body ?? expect.unreachable())
      expect(await first.until('segments')).toMatchObject({ start: 0 })
      const status = await first.until('status')
      expect(status).toMatchObject({ id, status: 'processing', audio_file: null, events: null })
      expect(Object.keys(status)).toEqual(Object.keys(Object(await statusOf())))
      await first.cancel()
      await finish(1)
      const resumed = await fetch(link, { headers: { 'last-event-id': first.lastId ?? '' } })
      const second = eventsIn(resumed.body ?? expect.unreachable())
      expect(await second.until('segments')).toMatchObject({ start: 1 })
      await finish(2)
      const last = await second.until('status', ({ status }) => status === 'completed')
      expect(last).toMatchObject({ transcription: 'all of it', audio_file: null, events: null })
      expect(await second.next()).toBeNull()
    })

    test('opens a stream that ends when the transcription is removed', async () => {
      const stream = eventsIn((await fetch(await linkOf())).body ?? expect.unreachable())
      await stream.next()
      await ada.ask(`/api/transcriptions/${id}`, { method: 'DELETE' })
      expect(await stream.next()).toEqual({ event: 'removed', data: { id } })
      expect(await stream.next()).toBeNull()
    })

    test('is refused if it is changed, expired, signed by another or for another resource', async () => {
      const link = new URL(await linkOf())
      const audio = new URL(textAt(await statusOf(), 'audio_file'))
      const sign = (secret: string, seconds: number) =>
        createLinkSigner({ hmac: nodeHmac, secrets: [secret], seconds }).sign(link.pathname)
      const other = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
      const later = Number(link.searchParams.get('expires')) + 3600
      for (const path of [
        link.pathname + audio.search,
        link.pathname.replace(id, other) + link.search,
        link.pathname.replace(id, crypto.randomUUID()) + link.search,
        link.pathname + link.search.replace(/expires=\d+/, `expires=${later}`),
        `${link.pathname}${link.search}0`,
        `${link.pathname}?signature=${link.searchParams.get('signature')}`,
        `${link.pathname}?signature=`,
        sign(SECRET, -1),
        sign(`${SECRET}!`, 60),
      ]) {
        expect({ path, ...(await clientOf(service.url).ask(path)) }).toMatchObject({
          path,
          status: 404,
          body: {
            code: 'not_found',
            error: 'This events link is invalid or has expired: read the transcription again for a new one',
          },
        })
      }
      expect((await clientOf(service.url).ask(audio.pathname + link.search)).status).toBe(404)
      expect((await clientOf(service.url).ask(`${link.pathname}?expires=soon`)).status).toBe(400)
    })
  })

  test('Prefer: wait delays the status until the transcription has finished', async () => {
    const waiting = ada.ask(`/api/transcriptions/${id}`, { headers: { prefer: 'wait=50' } })
    await plan()
    for (const index of [0, 1, 2]) await finish(index)
    const { status, headers, body } = await waiting
    expect(status).toBe(200)
    expect(headers.get('preference-applied')).toBe('wait=50')
    expect(body).toMatchObject({ status: 'completed', transcription: 'all of it' })
  })

  test('Prefer: wait returns the current status when the time is up, also for an upload', async () => {
    const prefer = { headers: { prefer: 'wait=1' } }
    expect((await ada.ask(`/api/transcriptions/${id}`, prefer)).body).toMatchObject({ status: 'queued' })
    const form = new FormData()
    form.set('audio', fixture('speech.mp3'), 'a.mp3')
    const uploaded = await ada.ask('/api/transcribe', { method: 'POST', body: form, ...prefer })
    expect(uploaded).toMatchObject({ status: 202, body: { message: 'Transcription started' } })
  })

  test('the finished part can be read while it is processed and after it failed', async () => {
    const read = (query: string) => ada.ask(`/api/transcriptions/${id}/transcript${query}`)
    await plan()
    await finish(2)
    await finish(0)
    const sofar = {
      text: 'text 0 text 2',
      segments: [
        { text: 'text 0', start: 0 },
        { text: 'text 2', start: 2 },
      ],
    }
    expect((await read('?partial=true')).body).toMatchObject({ status: 'processing', ...sofar })
    expect(await read('')).toMatchObject({ status: 409, body: { code: 'not_ready' } })
    await fail(service.db, { id, code: 'internal', message: 'It broke' })
    expect((await read('?partial=true')).body).toMatchObject({ status: 'failed', ...sofar })
    expect((await read('?partial=true&format=txt')).body).toBe('text 0 text 2\n')
    expect((await read('?partial=On')).body).toMatchObject({ status: 'failed', ...sofar })
    expect(await read('?partial=maybe')).toMatchObject({
      status: 400,
      body: { error: 'partial: expected true or false (also 1/0, yes/no, on/off)' },
    })
    expect(await read('?partial=false')).toMatchObject({
      status: 409,
      body: {
        code: 'transcription_failed',
        error: 'The transcription failed: It broke (send ?partial=true for the part that is finished)',
      },
    })
  })

  test('cancel is final; a finished transcription cannot be canceled', async () => {
    const cancel = (client: Client) => client.ask(`/api/transcriptions/${id}/cancel`, { method: 'POST' })
    await plan()
    await finish(0)
    const events = await open()
    expect((await cancel(bob)).status).toBe(404)
    expect(await cancel(ada)).toMatchObject({
      status: 200,
      body: { id, status: 'canceled', progress: 0.333 },
    })
    expect(await cancel(ada)).toMatchObject({ status: 200, body: { status: 'canceled' } })
    expect(await events.until('status', ({ status }) => status === 'canceled')).toBeTruthy()
    expect(await claimSpan(service.db, spans[1]?.id ?? '')).toBeNull()
    await service.db.update(transcriptions).set({ status: 'completed' }).where(eq(transcriptions.id, id))
    expect(await cancel(ada)).toMatchObject({
      status: 409,
      body: { code: 'already_over', error: 'The transcription is already completed' },
    })
  })
})
