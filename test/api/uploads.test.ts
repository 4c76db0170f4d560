import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { transcriptions } from '../../src/db/schema.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { MAX_UPLOAD_BYTES, startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { threeTracks } from '../support/matroska.ts'
import { fixturePcm } from '../support/pcm.ts'
import { stereoWav } from '../support/recordings.ts'

const FORMATS: [file: string, codec: string, type: string][] = [
  ['speech.wav', 'pcm_s16le', 'audio/wav'],
  ['speech.mp3', 'mp3', 'audio/mpeg'],
  ['speech.flac', 'flac', 'audio/flac'],
  ['speech.m4a', 'aac', 'audio/mp4'],
  ['speech.mp4', 'aac', 'audio/mp4'],
  ['speech.ogg', 'vorbis', 'audio/ogg'],
  ['speech.webm', 'opus', 'audio/webm'],
]

const several = threeTracks(await fixturePcm('speech.wav'))

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Uint8Array(200)])

describe.each(databases)('uploads on $name', (kind) => {
  let service: TestService
  let ada: Client
  let token: string

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    token = await anyone.newToken()
    ada = anyone.as(token)
  })
  afterAll(() => service.close())

  const rows = async () => (await service.db.select({ id: transcriptions.id }).from(transcriptions)).length
  const jobs = async () => {
    const backlogs = await service.queue.backlogs()
    return backlogs.find(({ name }) => name === 'prepare')?.waiting
  }
  const stored = async () => ({
    files: (await service.files()).length,
    rows: await rows(),
    jobs: await jobs(),
  })

  test.each(FORMATS)('%s is accepted under any filename', async (file, codec, type) => {
    const before = await stored()
    const { status, body } = await ada.upload(fixture(file), {}, 'recording')
    expect(status).toBe(202)
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}/`)
    expect(state).toMatchObject({ status: 'queued', codec, size: fixture(file).size })
    const audio = await fetch(textAt(state, 'audio_file'))
    expect(audio.headers.get('content-type')).toBe(type)
    expect(await audio.bytes()).toEqual(await fixture(file).bytes())
    expect(await stored()).toEqual({
      files: before.files + 2,
      rows: before.rows + 1,
      jobs: (before.jobs ?? 0) + 1,
    })
  })

  test.each([
    ['PUT', undefined],
    ['PUT', 'audio/mpeg'],
    ['POST', 'application/octet-stream'],
    ['POST', 'video/mp4'],
    ['POST', undefined],
    ['POST', 'application/x-www-form-urlencoded'],
    ['POST', 'application/mp3'],
  ])('audio can be the body of a %s of type %s', async (method, type) => {
    const { status, body } = await ada.ask(
      '/api/transcribe/?language=de&task=translate&start=1&channels=split',
      {
        method,
        headers: {
          ...(type && { 'content-type': type }),
          'content-disposition': `attachment; filename="talk.mp3"`,
        },
        body: await fixture('speech.mp3').bytes(),
      },
    )
    expect(status).toBe(202)
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    expect(state).toMatchObject({
      language: 'de',
      task: 'translate',
      start: 1,
      end: null,
      channels: 'split',
      filename: 'talk.mp3',
      size: fixture('speech.mp3').size,
    })
  })

  test('samples of the type audio/L16 become an AU file', async () => {
    const pcm = Buffer.from(await fixturePcm('speech.wav')).swap16()
    const { status, body } = await ada.ask('/api/transcribe?language=en', {
      method: 'POST',
      headers: { 'content-type': 'audio/L16;rate=16000' },
      body: pcm,
    })
    expect(status).toBe(202)
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    const file = await (await fetch(textAt(state, 'audio_file'))).bytes()
    expect(file.subarray(32)).toEqual(new Uint8Array(pcm))
    expect(Buffer.from(file.subarray(0, 4)).toString()).toBe('.snd')
    expect(state).toMatchObject({
      codec: 'pcm_s16be',
      size: pcm.length + 32,
      sha256: new Bun.CryptoHasher('sha256').update(file).digest('hex'),
    })
  })

  test('a file name is kept in NFC, as the sender of the form wrote it', async () => {
    const name = 'Er sagte "Grüße".mp3'
    const { body } = await ada.upload(fixture('speech.mp3'), {}, name.normalize('NFD'))
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    expect(state).toMatchObject({ filename: name.normalize('NFC') })
    const audio = await fetch(textAt(state, 'audio_file'))
    expect(audio.headers.get('content-disposition')).toBe(
      `inline; filename*=UTF-8''${encodeURIComponent(name.normalize('NFC'))}`,
    )
  })

  test('hints in any spelling are stored', async () => {
    const form = new FormData()
    form.set('file', fixture('speech.mp3'), 'a.mp3')
    form.set('prompt', 'A talk about ComfyUI.')
    for (const [field, value] of [
      ['keywords', 'Ada'],
      ['keywords', 'Grace, Alan'],
      ['keywords[]', 'Edsger'],
      ['hotwords', 'Barbara'],
    ] as const) {
      form.append(field, value)
    }
    const inForm = await ada.ask('/api/transcribe', { method: 'POST', body: form })
    const query = 'keywords=Ada&keywords=Grace&prompt=A+talk.&replace=cube+flow:Kubeflow&replace=ada:Ada'
    const inQuery = await ada.ask(`/api/transcribe?${query}&language=auto&languages[]=de&languages[]=fr`, {
      method: 'PUT',
      body: await fixture('speech.mp3').bytes(),
    })
    const hintsOf = async ({ body }: { body: unknown }) => {
      const row = await findTranscription(service.db, textAt(body, 'transcription_id'))
      const { prompt, keywords, replacements, languages } = row ?? {}
      return { prompt, keywords, replacements, languages }
    }
    expect(await hintsOf(inForm)).toEqual({
      prompt: 'A talk about ComfyUI.',
      keywords: ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara'],
      replacements: [],
      languages: [],
    })
    const pairs = [
      { heard: 'cube flow', written: 'Kubeflow' },
      { heard: 'ada', written: 'Ada' },
    ]
    expect(await hintsOf(inQuery)).toEqual({
      ...{ prompt: 'A talk.', keywords: ['Ada', 'Grace'] },
      ...{ replacements: pairs, languages: ['de', 'fr'] },
    })
  })

  test('fields of the form override those of the query', async () => {
    const form = new FormData()
    form.set('language', 'fr')
    form.set('audio', fixture('speech.mp3'), 'a.mp3')
    const { body } = await ada.ask('/api/transcribe?language=de&task=translate', {
      method: 'POST',
      body: form,
    })
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    expect(state).toMatchObject({ language: 'fr', task: 'translate' })
  })

  test.each([
    ['the form', () => ada.upload(new Blob([several.file]), { track: '3' })],
    ['the query', () => ada.ask('/api/transcribe?track=3', { method: 'PUT', body: several.file })],
  ])('a track of %s is chosen, and the status lists all tracks of the file', async (_, upload) => {
    const { status, body } = await upload()
    expect({ status, body }).toMatchObject({ status: 202 })
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    expect(state).toMatchObject({ track: 3, tracks: several.listed, codec: 'pcm_s16le', warnings: [] })
  })

  test('the status of a file with several tracks warns that one was chosen, and that of others has no tracks', async () => {
    const { body } = await ada.upload(new Blob([several.file]))
    const { body: state } = await ada.ask(`/api/transcriptions/${textAt(body, 'transcription_id')}`)
    expect(state).toMatchObject({
      track: 2,
      tracks: several.listed,
      warnings: [
        {
          code: 'several_tracks',
          message: expect.stringMatching(/3 audio tracks.*only track 2.*field track/),
        },
      ],
    })
    const { body: simple } = await ada.upload(fixture('speech.mp3'), { track: '1' })
    expect((await ada.ask(`/api/transcriptions/${textAt(simple, 'transcription_id')}`)).body).toMatchObject({
      track: null,
      tracks: null,
      warnings: [],
    })
  })

  test.each([
    [{}, { language: 'en', script: null }, true],
    [{ language: ' ' }, { language: 'en', script: null }, true],
    [{ language: 'en' }, { language: 'en', script: null }, false],
    [{ language: 'cmn-Hant' }, { language: 'zh', script: 'traditional' }, false],
    [{ language: 'zh-CN', task: 'translate' }, { language: 'zh', script: null }, false],
  ])(
    'the fields %j give the status %j; the language is the default: %s',
    async (fields, status, isDefault) => {
      const { body } = await ada.upload(fixture('speech.mp3'), fields)
      const id = textAt(body, 'transcription_id')
      expect((await ada.ask(`/api/transcriptions/${id}`)).body).toMatchObject(status)
      const [row] = await service.db.select().from(transcriptions).where(eq(transcriptions.id, id))
      expect(row?.isLanguageDefault).toBe(isDefault)
    },
  )

  describe('a refused upload leaves no file, row or job:', () => {
    let before: Awaited<ReturnType<typeof stored>>

    beforeAll(async () => {
      before = await stored()
    })
    afterEach(async () => {
      expect(await stored()).toEqual(before)
    })

    const speech = fixture('speech.mp3')
    const refusals: [
      what: string,
      upload: () => ReturnType<Client['upload']>,
      status: number,
      code: string,
      sentence: RegExp,
    ][] = [
      [
        'text',
        () => ada.upload(new Blob(['This is no audio. '.repeat(50)])),
        415,
        'unsupported_type',
        /is text, not an audio/,
      ],
      ['a picture', () => ada.upload(new Blob([PNG])), 415, 'unsupported_type', /format/],
      ['an empty file', () => ada.upload(new Blob([])), 400, 'empty', /empty/],
      [
        'a video without sound',
        () => ada.upload(fixture('silent.mp4')),
        400,
        'no_audio_track',
        /no audio track/,
      ],
      [
        'a file that is too large',
        () => ada.upload(new Blob([new Uint8Array(MAX_UPLOAD_BYTES + 1)])),
        413,
        'too_large',
        /larger than the 1000000 bytes/,
      ],
      [
        'a body three times too large',
        () => ada.upload(new Blob([new Uint8Array(3 * MAX_UPLOAD_BYTES)])),
        413,
        'too_large',
        /larger than the 1000000 bytes/,
      ],
      [
        'an unknown language',
        () => ada.upload(speech, { language: 'klingon' }),
        400,
        'validation',
        /klingon.*de/,
      ],
      ['an unknown task', () => ada.upload(speech, { task: 'sing' }), 400, 'validation', /sing.*translate/],
      [
        'an end before the start',
        () => ada.upload(speech, { start: '5', end: '4.5' }),
        400,
        'validation',
        /end is 4\.5.*after start \(5\)/,
      ],
      ['an invalid time', () => ada.upload(speech, { start: '1:30' }), 400, 'validation', /1:30.*seconds/],
      [
        'a track that the file lacks',
        () => ada.upload(new Blob([several.file]), { track: '4' }),
        400,
        'track_outside',
        /track is 4.*3 audio tracks.*from 1 to 3/,
      ],
      ['an invalid track', () => ada.upload(speech, { track: '0' }), 400, 'validation', /0.*from 1 to 999/],
      ['invalid channels', () => ada.upload(speech, { channels: '2' }), 400, 'validation', /mix or split/],
      [
        'a bare body that is not audio',
        () => ada.ask('/api/transcribe', { method: 'PUT', body: PNG }),
        415,
        'unsupported_type',
        /format/,
      ],
      [
        'a bare body that is too large',
        () => ada.ask('/api/transcribe', { method: 'PUT', body: new Uint8Array(MAX_UPLOAD_BYTES + 1) }),
        413,
        'too_large',
        /larger than the 1000000 bytes/,
      ],
      [
        'an empty bare body',
        () => ada.ask('/api/transcribe', { method: 'POST', headers: { 'content-type': 'audio/wav' } }),
        400,
        'no_audio_file',
        /No audio file/,
      ],
      [
        'a POST of bytes without a type that are not audio',
        () => ada.ask('/api/transcribe', { method: 'POST', body: new Uint8Array(100) }),
        415,
        'unsupported_type',
        /format/,
      ],
      [
        'a POST of text',
        () => ada.ask('/api/transcribe', { method: 'POST', body: 'language=en' }),
        400,
        'no_audio_file',
        /body is text.*field audio/,
      ],
      [
        'a compressed body',
        () =>
          ada.ask('/api/transcribe', {
            method: 'PUT',
            headers: { 'content-encoding': 'gzip' },
            body: Bun.gzipSync(new Uint8Array(100)),
          }),
        415,
        'unsupported_type',
        /Content-Encoding is "gzip"/,
      ],
      [
        'samples without a rate',
        () =>
          ada.ask('/api/transcribe', {
            method: 'POST',
            headers: { 'content-type': 'audio/L16' },
            body: new Uint8Array(100),
          }),
        400,
        'validation',
        /rate is missing/,
      ],
      [
        'an engine that the service lacks',
        () => ada.upload(speech, { engine: 'hosted' }),
        400,
        'validation',
        /hosted.*takes sidecar/,
      ],
      [
        'an invalid value of words',
        () => ada.upload(speech, { words: 'maybe' }),
        400,
        'validation',
        /words is "maybe"; it takes true or false/,
      ],
    ]
    test.each(refusals)('%s', async (_, upload, status, code, sentence) => {
      const response = await upload()
      expect({ status: response.status, body: response.body }).toEqual({
        status,
        body: { code, error: expect.stringMatching(sentence) },
      })
    })

    test('audio whose header claims too many seconds', async () => {
      const strict = await startService({ kind, maxAudioSeconds: 5 })
      try {
        const anyone = clientOf(strict.url)
        const response = await anyone.as(await anyone.newToken()).upload(fixture('speech.wav'))
        expect(response).toMatchObject({ status: 413, body: { code: 'too_long' } })
        expect(textAt(response.body, 'error')).toContain('5 seconds')
        expect(await strict.files()).toEqual([])
      } finally {
        await strict.close()
      }
    })

    test('audio whose channels together are too long', async () => {
      const strict = await startService({ kind, maxAudioSeconds: 10 })
      try {
        const anyone = clientOf(strict.url)
        const client = anyone.as(await anyone.newToken())
        const pcm = new Uint8Array(6 * BYTES_PER_SECOND)
        const stereo = new Blob([stereoWav(pcm, pcm)])
        expect(await client.upload(stereo, { channels: 'split' })).toMatchObject({
          status: 413,
          body: {
            code: 'too_long',
            error:
              'The audio, summed over its 2 channels, is longer than the 10 seconds that this server takes',
          },
        })
        expect((await client.upload(stereo)).status).toBe(202)
      } finally {
        await strict.close()
      }
    })

    test('an upload whose connection is lost', async () => {
      const { hostname, port } = new URL(service.url)
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
      socket.write(
        'POST /api/transcribe/ HTTP/1.1\r\nHost: x\r\n' +
          `Authorization: Bearer ${token}\r\n` +
          'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 500000\r\n\r\n' +
          '--b\r\nContent-Disposition: form-data; name="audio"; filename="a.mp3"\r\n\r\n',
      )
      socket.write(new Uint8Array(100_000))
      await until(async () => (await service.files()).length === before.files + 1)
      socket.terminate()
      await until(async () => (await service.files()).length === before.files)
    })
  })

  test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
})

/** Polls until the condition holds; the test's timeout bounds it. */
async function until(condition: () => Promise<boolean>) {
  while (!(await condition())) await Bun.sleep(10)
}
