import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { startService, type TestService } from '../support/api-service.ts'
import { embedded } from '../support/databases.ts'
import { insertDecoded } from '../support/rows.ts'

let service: TestService
let ada: Client
let bob: Client

beforeAll(async () => {
  service = await startService({ kind: embedded })
  const anyone = clientOf(service.url)
  ada = anyone.as(await anyone.newToken())
  bob = anyone.as(await anyone.newToken())
})
afterAll(() => service.close())

const bytes = (...values: number[]) => new Uint8Array(Int8Array.from(values).buffer)

async function prepared(...channels: Uint8Array[]) {
  const id = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  await insertDecoded(service.db, { id, samples: 1, peaks: channels })
  return `/api/transcriptions/${id}/waveform`
}

test('the waveform is audiowaveform’s JSON with interleaved channels', async () => {
  const path = await prepared(bytes(-1, 2, -128, 127, 5, 6), bytes(0, 1, -3, 4, -7, -6))
  expect((await ada.ask(path)).body).toEqual({
    version: 2,
    channels: 2,
    sample_rate: 16_000,
    samples_per_pixel: 800,
    bits: 8,
    length: 3,
    data: [-1, 2, 0, 1, -128, 127, -3, 4, 5, 6, -7, -6],
  })
  expect((await ada.ask(`${path}?samples_per_pixel=1600`)).body).toMatchObject({
    samples_per_pixel: 1600,
    length: 2,
    data: [-128, 127, -3, 4, 5, 6, -7, -6],
  })
})

test('the waveform is only for the owner, in multiples of 800, once the audio is decoded', async () => {
  const path = await prepared(bytes(-1, 1))
  expect((await bob.ask(path)).status).toBe(404)
  expect((await clientOf(service.url).ask(path)).status).toBe(401)
  for (const query of ['samples_per_pixel=801', 'samples_per_pixel=0', 'samples_per_pixel=x']) {
    expect(await ada.ask(`${path}?${query}`)).toMatchObject({ status: 400, body: { code: 'validation' } })
  }
  const queued = textAt((await ada.upload(fixture('speech.mp3'))).body, 'transcription_id')
  expect(await ada.ask(`/api/transcriptions/${queued}/waveform`)).toMatchObject({
    status: 409,
    body: {
      code: 'not_ready',
      error: 'The transcription is queued: its waveform exists once the audio is decoded',
    },
  })
})
