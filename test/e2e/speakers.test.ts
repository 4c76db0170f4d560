import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI, { toFile } from 'openai'
import { openPglite } from '../../src/db/pglite.ts'
import { diarizations, transcriptions, voices } from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { type Client, clientOf } from '../support/api-client.ts'
import { conversationPcm, randomConversation } from '../support/conversation.ts'
import { hearingConversation, startFakeSidecar } from '../support/fake-sidecar.ts'
import { type RunningService, startService } from '../support/service.ts'

/** Two people, of whom the first says “one” and the second “two”, each once a second. */
const DIALOGUE = [1, 1, 1, 0, 2, 2, 0, 1, 1]
const ADA = conversationPcm([1, 1, 1, 1])

let folder: string
let sidecar: ReturnType<typeof startFakeSidecar>
let service: RunningService
let token: string
let ada: Client

const start = () => startService({ DATA_DIR: folder, SIDECAR_URL: sidecar.url })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verbatim-'))
  sidecar = startFakeSidecar({ hear: hearingConversation })
  service = await start()
  await service.ready
  const anyone = clientOf(service.url)
  token = await anyone.newToken()
  ada = anyone.as(token)
}, 300_000)

afterAll(async () => {
  await service?.kill('SIGTERM')
  await sidecar?.stop()
  await rm(folder, { recursive: true, force: true })
}, 300_000)

async function upload(
  client: Client,
  people: number[],
  fields: Record<string, string> = {},
): Promise<string> {
  const query = new URLSearchParams({ speakers: 'true', ...fields })
  const response = await client.ask(`/api/transcribe?${query}`, {
    method: 'PUT',
    headers: { 'content-type': 'audio/wav', prefer: 'wait=100' },
    body: wavOf(conversationPcm(people)),
  })
  expect(response.body).toMatchObject({ status: 'completed' })
  return String(Object(response.body).id)
}

const read = async (client: Client, id: string, format: string) =>
  (await client.ask(`/api/transcriptions/${id}/transcript?format=${format}`)).body

const rename = (client: Client, id: string, names: object) =>
  client.ask(`/api/transcriptions/${id}/speakers`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(names),
  })

function enroll(client: Client, name: string, pcm: Uint8Array<ArrayBuffer>) {
  const form = new FormData()
  form.set('name', name)
  form.set('audio', new Blob([wavOf(pcm)]), 'sample.wav')
  return client.ask('/api/voices', { method: 'POST', body: form })
}

test('every format says who speaks, and names follow at once', async () => {
  const id = await upload(ada, DIALOGUE, { words: 'true' })
  expect(await read(ada, id, 'json')).toMatchObject({
    speakers: [
      { id: 'A', name: null, seconds: 5, segments: 2 },
      { id: 'B', name: null, seconds: 2, segments: 1 },
    ],
    text: 'one one one\ntwo two\none one',
    segments: [
      { start: 0, end: 3, text: 'one one one', speaker: 'A' },
      { start: 4, end: 6, text: 'two two', speaker: 'B', words: [{ word: ' two', speaker: 'B' }, {}] },
      { start: 7, end: 9, text: 'one one', speaker: 'A' },
    ],
  })
  expect(await read(ada, id, 'txt')).toBe('A: one one one\nB: two two\nA: one one\n')
  expect(await read(ada, id, 'rttm')).toStartWith(`SPEAKER ${id} 1 0.000 1.000 <NA> <NA> A <NA> <NA>\n`)
  expect((await rename(ada, id, { A: ' Ada  Lovelace', B: 'Grace' })).body).toMatchObject({
    speakers: [
      { id: 'A', name: 'Ada Lovelace' },
      { id: 'B', name: 'Grace' },
    ],
  })
  expect(await read(ada, id, 'txt')).toBe(
    'Ada Lovelace: one one one\nGrace: two two\nAda Lovelace: one one\n',
  )
  expect(await read(ada, id, 'vtt')).toContain('<v Ada Lovelace>one one one</v>')
  expect(await read(ada, id, 'srt')).toContain('00:00:04,000 --> 00:00:06,000\nGrace: two two\n')
  expect(await read(ada, id, 'tsv')).toStartWith(
    'start\tend\tspeaker\ttext\n0\t3000\tAda Lovelace\tone one one\n',
  )
  expect(await read(ada, id, 'rttm')).toContain(' Ada_Lovelace ')
  expect(await read(ada, id, 'verbose_json')).toMatchObject({
    segments: [{ speaker: 'A' }, { speaker: 'B' }, {}],
  })
  expect(await read(ada, id, 'diarized_json')).toMatchObject({
    task: 'transcribe',
    duration: 9,
    segments: [
      {
        type: 'transcript.text.segment',
        id: 'seg_0',
        start: 0,
        end: 3,
        speaker: 'Ada Lovelace',
        text: 'one one one',
      },
      { speaker: 'Grace' },
      { speaker: 'Ada Lovelace' },
    ],
  })
})

test('speakers with one name are one, until one of them gets another name', async () => {
  const id = await upload(ada, DIALOGUE)
  await rename(ada, id, { A: 'Ada', B: 'Ada' })
  expect(await read(ada, id, 'json')).toMatchObject({
    speakers: [{ id: 'A', name: 'Ada', seconds: 7, segments: 3 }],
    text: 'one one one two two one one',
    segments: [{ speaker: 'A' }, { speaker: 'A' }, { speaker: 'A' }],
  })
  await rename(ada, id, { A: 'Ada Lovelace' })
  expect(await read(ada, id, 'txt')).toBe('Ada Lovelace: one one one two two one one\n')
  await rename(ada, id, { B: null })
  expect(await read(ada, id, 'txt')).toBe('Ada Lovelace: one one one\nB: two two\nAda Lovelace: one one\n')
})

test('a name that cannot be given is refused with the reason', async () => {
  const id = await upload(ada, DIALOGUE)
  expect(await rename(ada, id, { C: 'Ada' })).toMatchObject({
    status: 400,
    body: { error: 'There is no speaker "C"; the speakers are A, B' },
  })
  expect(await rename(ada, id, { A: 'B' })).toMatchObject({ status: 400 })
  expect(await rename(ada, id, { A: 'x'.repeat(101) })).toMatchObject({ status: 400 })
  expect(await rename(ada, id, { A: 1 })).toMatchObject({ status: 400 })
  const plain = await upload(ada, DIALOGUE, { speakers: 'false' })
  for (const path of ['transcript?format=rttm', 'transcript?format=diarized_json']) {
    expect(await ada.ask(`/api/transcriptions/${plain}/${path}`)).toMatchObject({
      status: 409,
      body: { code: 'speakers_missing' },
    })
  }
  expect(await rename(ada, plain, { A: 'Ada' })).toMatchObject({
    status: 409,
    body: { code: 'speakers_missing' },
  })
})

test('events have provisional speakers, and the final ones before the last status', async () => {
  sidecar.allow(0)
  const response = await ada.ask('/api/transcribe?speakers=true', {
    method: 'PUT',
    headers: { 'content-type': 'audio/wav' },
    body: wavOf(conversationPcm(randomConversation(300, { people: 2, seed: 3 }))),
  })
  const id = Object(response.body).transcription_id
  const stream = ada.ask(`/api/transcriptions/${id}/events`)
  sidecar.release()
  const events = String((await stream).body)
    .split('\n\n')
    .map((event) => ({
      name: /^event: (.*)$/m.exec(event)?.[1],
      data: /^data: (.*)$/m.exec(event)?.[1] ?? '{}',
    }))
  const names = events.map(({ name }) => name).filter((name) => name !== undefined)
  expect(names.slice(-2)).toEqual(['speakers', 'status'])
  expect(names.filter((name) => name === 'speakers')).toHaveLength(1)
  const labels = events
    .filter(({ name }) => name === 'segments')
    .flatMap(({ data }) => JSON.parse(data).segments)
    .map(({ speaker }: { speaker: string }) => speaker)
  expect([...new Set(labels)].toSorted()).toEqual(['A', 'B'])
  const final = JSON.parse(events.find(({ name }) => name === 'speakers')?.data ?? '')
  expect(final.speakers).toMatchObject([{ id: 'A' }, { id: 'B' }])
  expect(Object(await read(ada, id, 'json')).segments).toEqual(final.segments)
})

test('an enrolled voice names its speaker, and strangers stay letters', async () => {
  expect(await enroll(ada, 'Ada', ADA)).toMatchObject({ status: 201, body: { name: 'Ada', seconds: 4 } })
  const id = await upload(ada, DIALOGUE)
  expect(await read(ada, id, 'txt')).toBe('Ada: one one one\nB: two two\nAda: one one\n')
  expect(await enroll(ada, 'Ada', ADA)).toMatchObject({ status: 409, body: { code: 'voice_exists' } })
})

test.each([
  [conversationPcm([1]), 'The sample is 1.0 s long: send 2 to 30 s'],
  [conversationPcm(Array.from({ length: 40 }, () => 1)), 'The sample is 40.0 s long: send 2 to 30 s'],
  [conversationPcm([0, 0, 0]), 'The sample has 0.0 s of speech: send at least 1 s'],
  [conversationPcm([1, 1, 2, 2]), 'The sample has several voices: send a sample of one person'],
])('a sample without exactly one voice is refused (%#)', async (pcm, error) => {
  expect(await enroll(ada, 'Nobody', pcm)).toMatchObject({
    status: 422,
    body: { error, code: 'unusable_sample' },
  })
})

test('the voices and speakers of a user are hidden from others, and go with the account', async () => {
  const anyone = clientOf(service.url)
  const eve = anyone.as(await anyone.newToken())
  const id = await upload(ada, DIALOGUE)
  expect(await rename(eve, id, { A: 'Eve' })).toMatchObject({ status: 404 })
  expect((await eve.ask('/api/voices')).body).toEqual({ voices: [] })
  const own = await upload(eve, DIALOGUE)
  expect(await read(eve, own, 'txt')).toStartWith('A: ')
  const { voices: listed } = Object((await ada.ask('/api/voices')).body)
  expect(await eve.ask(`/api/voices/${listed[0].id}`, { method: 'DELETE' })).toMatchObject({ status: 404 })
  expect(await enroll(eve, 'Eve', ADA)).toMatchObject({ status: 201 })
  expect(await ada.ask(`/api/voices/${listed[0].id}`, { method: 'DELETE' })).toMatchObject({ status: 204 })
  expect((await ada.ask('/api/voices')).body).toEqual({ voices: [] })
  const removal = { method: 'DELETE', headers: { 'content-type': 'application/json' } }
  const body = JSON.stringify({ password: 'correct horse battery' })
  expect(await eve.ask('/api/auth/me', { ...removal, body })).toMatchObject({ status: 204 })
})

test('OpenAI’s client reads diarized_json with known speakers, whole and as a stream', async () => {
  const openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: token })
  const reference = `data:audio/wav;base64,${Buffer.from(wavOf(ADA)).toString('base64')}`
  const request = {
    model: 'gpt-4o-transcribe-diarize',
    response_format: 'diarized_json',
    chunking_strategy: 'auto',
    known_speaker_names: ['agent'],
    known_speaker_references: [reference],
  } as const
  const file = () => toFile(wavOf(conversationPcm(DIALOGUE)), 'call.wav')
  const whole = await openai.audio.transcriptions.create({
    ...request,
    known_speaker_names: [...request.known_speaker_names],
    known_speaker_references: [...request.known_speaker_references],
    file: await file(),
  })
  const expected = [
    { speaker: 'agent', text: 'one one one' },
    { speaker: 'B', text: 'two two' },
    { speaker: 'agent', text: 'one one' },
  ]
  expect(whole).toMatchObject({ task: 'transcribe', duration: 9, segments: expected })
  const stream = await openai.audio.transcriptions.create({
    ...request,
    known_speaker_names: [...request.known_speaker_names],
    known_speaker_references: [...request.known_speaker_references],
    file: await file(),
    stream: true,
  })
  const events = await Array.fromAsync(stream)
  expect(events.filter(({ type }) => type === 'transcript.text.segment')).toMatchObject(expected)
  expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done' })
})

test('Deepgram’s and AssemblyAI’s routes have the speakers', async () => {
  const audio = wavOf(conversationPcm(DIALOGUE))
  const deepgram = await ada.ask('/deepgram/v1/listen?diarize=true&utterances=true&paragraphs=true', {
    method: 'POST',
    headers: { 'content-type': 'audio/wav' },
    body: audio,
  })
  const { channels, utterances } = Object(deepgram.body).results
  const [{ words, paragraphs }] = channels[0].alternatives
  expect(words.map(({ word, speaker }: { word: string; speaker: number }) => `${word}${speaker}`)).toEqual(
    DIALOGUE.filter(Boolean).map((person) => (person === 1 ? 'one0' : 'two1')),
  )
  const turns = [{ speaker: 0 }, { speaker: 1 }, { speaker: 0 }]
  expect(utterances).toMatchObject(turns)
  expect(paragraphs.paragraphs).toMatchObject(turns)

  const { body: stored } = await ada.ask('/assemblyai/v2/upload', { method: 'POST', body: audio })
  const request = { audio_url: Object(stored).upload_url, speaker_labels: true, speakers_expected: 2 }
  const { id } = Object((await ada.post('/assemblyai/v2/transcript', request)).body)
  await ada.ask(`/api/transcriptions/${id}`, { headers: { prefer: 'wait=100' } })
  expect((await ada.ask(`/assemblyai/v2/transcript/${id}`)).body).toMatchObject({
    speaker_labels: true,
    utterances: [
      { speaker: 'A', text: 'one one one', words: [{ speaker: 'A' }, {}, {}] },
      { speaker: 'B', text: 'two two' },
      { speaker: 'A', text: 'one one' },
    ],
  })
})

test('kill -9 changes no speaker', async () => {
  const people = randomConversation(720, { people: 4, seed: 11 })
  const calm = await upload(ada, people)
  const expected = Object(await read(ada, calm, 'json'))
  expect(expected.speakers).toHaveLength(4)
  sidecar.allow(1)
  const response = await ada.ask('/api/transcribe?speakers=true', {
    method: 'PUT',
    headers: { 'content-type': 'audio/wav' },
    body: wavOf(conversationPcm(people)),
  })
  const id = Object(response.body).transcription_id
  for (let kill = 0; kill < 3; kill++) {
    while (Object((await ada.ask(`/api/transcriptions/${id}`)).body).progress < (kill + 1) * 0.15)
      await Bun.sleep(20)
    await service.kill('SIGKILL')
    sidecar.allow(1)
    service = await start()
    await service.ready
    ada = clientOf(service.url).as(token)
  }
  sidecar.release()
  await ada.ask(`/api/transcriptions/${id}`, { headers: { prefer: 'wait=100' } })
  const { speakers, segments, text } = Object(await read(ada, id, 'json'))
  expect({ speakers, segments, text }).toEqual({
    speakers: expected.speakers,
    segments: expected.segments,
    text: expected.text,
  })
}, 300_000)

test('no embedding of a recording and no sample is left in the database', async () => {
  await service.kill('SIGTERM')
  const { db, close } = await openPglite({ dataDir: join(folder, 'postgres') })
  const kept = await db.select().from(diarizations)
  const ephemeral = (await db.select().from(transcriptions)).filter(({ isEphemeral }) => isEphemeral)
  const enrolled = await db.select().from(voices)
  await close()
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.flatMap(({ voices }) => voices).filter(({ embedding }) => embedding !== null)).toEqual([])
  expect(ephemeral).toEqual([])
  expect(enrolled).toEqual([])
}, 60_000)
