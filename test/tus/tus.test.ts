import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import * as tus from 'tus-js-client'
import { transcriptions, uploads } from '../../src/db/schema.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { createTusService } from '../../src/tus/tus.service.ts'
import { claimsOf } from '../api/jwt.ts'
import { sweepAll } from '../retention/sweeping.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { MAX_UPLOAD_BYTES, startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

const CHUNK_TYPE = 'application/offset+octet-stream'
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe.each(databases)('resumable uploads on $name', (kind) => {
  let service: TestService
  let ada: Client
  let eve: Client
  let speech: Buffer

  beforeAll(async () => {
    service = await startService({ kind })
    const anyone = clientOf(service.url)
    ada = anyone.as(await anyone.newToken())
    eve = anyone.as(await anyone.newToken())
    speech = Buffer.from(await fixture('speech.wav').bytes())
  })
  afterAll(() => service.close())

  const endpoint = () => `${service.url}/api/uploads`
  const rows = () => service.db.select({ id: uploads.id }).from(uploads)
  const chunksOf = async (id: string) =>
    (await service.files()).filter((file) => file.includes(`uploads/${id}`))

  async function create(length = speech.length, headers: Record<string, string> = {}): Promise<string> {
    const created = await ada.ask('/api/uploads', {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': String(length), ...headers },
    })
    expect(created.status).toBe(201)
    return created.headers.get('location') ?? ''
  }

  const append = (
    path: string,
    offset: number,
    body: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    ada.ask(path, {
      method: 'PATCH',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': String(offset),
        'content-type': CHUNK_TYPE,
        ...headers,
      },
      body,
    })

  const slice = (from: number, to = speech.length) => Uint8Array.from(speech.subarray(from, to))
  const idIn = (path: string) => path.split('/').at(-1) ?? ''

  /** Runs the official client until the upload is complete, or until `until` returns true. */
  function send(options: Partial<tus.UploadOptions>, until: (bytes: number) => boolean = () => false) {
    const { promise, resolve, reject } = Promise.withResolvers<{
      url: string | null
      transcription: string | null
    }>()
    let transcription: string | null = null
    const upload = new tus.Upload(speech, {
      endpoint: endpoint(),
      headers: ada.headers,
      retryDelays: null,
      ...options,
      onAfterResponse: (_, response) => {
        transcription = response.getHeader('Transcription-Id') ?? null
      },
      onChunkComplete: (_, bytes) => {
        if (!until(bytes)) return
        void upload.abort().then(() => resolve({ url: upload.url, transcription }))
      },
      onSuccess: () => resolve({ url: upload.url, transcription }),
      onError: reject,
    })
    upload.start()
    return promise
  }

  test('the official client uploads a file, which becomes a transcription', async () => {
    const { url, transcription } = await send({
      metadata: { filename: 'Gespräch.wav', language: 'de', task: 'translate', filetype: 'audio/wav' },
    })
    const state = (await ada.ask(`/api/transcriptions/${transcription}`)).body
    expect(state).toMatchObject({
      filename: 'Gespräch.wav',
      language: 'de',
      task: 'translate',
      size: speech.length,
    })
    expect(
      Buffer.compare(Buffer.from(await (await fetch(textAt(state, 'audio_file'))).arrayBuffer()), speech),
    ).toBe(0)
    const path = new URL(url ?? '').pathname
    expect((await ada.ask(path)).body).toEqual({
      id: idIn(path),
      length: speech.length,
      offset: speech.length,
      transcription_id: transcription,
      expires_at: expect.any(String),
    })
    expect(await chunksOf(idIn(path))).toEqual([])
  })

  test('the official client resumes an interrupted upload in several chunks', async () => {
    const half = await send({ chunkSize: 50_000 }, (bytes) => bytes >= 100_000)
    expect(half.transcription).toBeNull()
    const { transcription } = await send({ uploadUrl: half.url, chunkSize: 70_000 })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).body).toMatchObject({
      size: speech.length,
      sha256: new Bun.CryptoHasher('sha256').update(speech).digest('hex'),
    })
  })

  test('a request that creates an upload can carry its first bytes', async () => {
    const { transcription } = await send({ uploadDataDuringCreation: true })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).status).toBe(200)
  })

  test('X-HTTP-Method-Override replaces PATCH', async () => {
    const { transcription } = await send({ overridePatchMethod: true })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).status).toBe(200)
  })

  test('a POST to an upload without X-HTTP-Method-Override is refused', async () => {
    const { status, headers, body } = await ada.ask(await create(), { method: 'POST' })
    expect({ status, body }).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(headers.get('allow')?.split(', ')).toEqual(['OPTIONS', 'HEAD', 'GET', 'PATCH', 'DELETE'])
  })

  test('the bytes that arrived before a lost connection are kept', async () => {
    const path = await create()
    const { hostname, port } = new URL(service.url)
    const isArriving = async () => (await service.files()).some((file) => file.includes('incoming'))
    let offset = 0
    // A connection that is lost before any byte arrives keeps nothing: the bytes are sent again.
    while ((await chunksOf(idIn(path))).length === 0) {
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
      socket.write(
        `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${ada.headers.authorization}\r\nTus-Resumable: 1.0.0\r\n` +
          `Upload-Offset: 0\r\nContent-Type: ${CHUNK_TYPE}\r\nContent-Length: ${speech.length}\r\n\r\n`,
      )
      socket.write(slice(0, 60_000))
      while (!(await isArriving())) await Bun.sleep(10)
      socket.terminate()
      while (await isArriving()) await Bun.sleep(10)
    }
    while (offset === 0) {
      offset = Number((await ada.ask(path, { method: 'HEAD' })).headers.get('upload-offset'))
      await Bun.sleep(10)
    }
    expect(offset).toBeLessThanOrEqual(60_000)
    const rest = await append(path, offset, slice(offset))
    expect(rest.status).toBe(204)
    const { body } = await ada.ask(`/api/transcriptions/${rest.headers.get('transcription-id')}`)
    expect(body).toMatchObject({ sha256: new Bun.CryptoHasher('sha256').update(speech).digest('hex') })
  })

  test('one of two requests at the same offset wins', async () => {
    const path = await create()
    const responses = await Promise.all([
      append(path, 0, slice(0, 80_000)),
      append(path, 0, slice(0, 80_000)),
    ])
    expect(responses.map(({ status }) => status).sort()).toEqual([204, 409])
    expect((await append(path, 80_000, slice(80_000))).headers.get('transcription-id')).toBeTruthy()
  })

  test('a last chunk that is sent twice makes one transcription', async () => {
    const path = await create()
    const before = (await service.db.select().from(transcriptions)).length
    await append(path, 0, slice(0, 80_000))
    const first = await append(path, 80_000, slice(80_000))
    const again = await append(path, speech.length, new Uint8Array())
    expect(again.headers.get('transcription-id')).toBe(first.headers.get('transcription-id') ?? '')
    const head = await ada.ask(path, { method: 'HEAD' })
    expect(head.headers.get('transcription-id')).toBe(first.headers.get('transcription-id') ?? '')
    expect((await service.db.select().from(transcriptions)).length).toBe(before + 1)
  })

  test('a request finishes an upload that was complete when the service died', async () => {
    const path = await create()
    const { db, storage } = service
    const dying = createTusService({
      db,
      storage,
      removeFolder: (folder) => storage.remove(folder),
      beginUpload: () => Promise.reject(new Error('killed')),
      checkFields: async () => {},
      maxBytes: MAX_UPLOAD_BYTES,
      storageQuota: null,
      concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
    })
    const { sub: userId } = claimsOf(ada.headers.authorization?.split(' ')[1] ?? '')
    using chunk = await dying.beginChunk({ id: idIn(path), userId, offset: 0 })
    await chunk.store(new Blob([slice(0)]).stream())
    await expect(chunk.commit()).rejects.toThrow('killed')
    const [first, second] = await Promise.all([ada.ask(path, { method: 'HEAD' }), ada.ask(path)])
    const transcription = first.headers.get('transcription-id') ?? ''
    expect(textAt(second.body, 'transcription_id')).toBe(transcription)
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).body).toMatchObject({
      size: speech.length,
    })
    expect(await chunksOf(idIn(path))).toEqual([])
  })

  test('a request with a wrong offset is refused', async () => {
    const path = await create()
    await append(path, 0, slice(0, 1000))
    for (const offset of [0, 999, 1001, speech.length + 1]) {
      const { status, body } = await append(path, offset, slice(0, 10))
      expect({ status, body }).toMatchObject({ status: 409, body: { code: 'wrong_offset' } })
    }
    expect((await ada.ask(path, { method: 'HEAD' })).headers.get('upload-offset')).toBe('1000')
  })

  test('another user’s upload and an unknown id both return 404', async () => {
    const path = await create()
    const headers = { 'upload-offset': '0', 'content-type': CHUNK_TYPE }
    const responses = await Promise.all([
      eve.ask(path),
      eve.ask(path, { method: 'PATCH', headers, body: slice(0, 10) }),
      eve.ask(path, { method: 'DELETE' }),
      ada.ask(`/api/uploads/${crypto.randomUUID()}`),
      ada.ask('/api/uploads/none'),
    ])
    for (const { status, body } of responses) {
      expect({ status, body }).toEqual({
        status: 404,
        body: { error: 'Upload not found', code: 'not_found' },
      })
    }
    expect((await eve.ask(path, { method: 'HEAD' })).status).toBe(404)
  })

  test('a deleted upload leaves no files', async () => {
    const path = await create()
    await append(path, 0, slice(0, 1000))
    expect(await chunksOf(idIn(path))).toHaveLength(1)
    expect((await ada.ask(path, { method: 'DELETE' })).status).toBe(204)
    expect(await chunksOf(idIn(path))).toEqual([])
    expect((await ada.ask(path, { method: 'HEAD' })).status).toBe(404)
  })

  test('an expired upload returns 410, and the sweep removes it with its files', async () => {
    const path = await create()
    await append(path, 0, slice(0, 1000))
    const other = await create()
    await append(other, 0, slice(0, 1000))
    const id = idIn(path)
    await service.db
      .update(uploads)
      .set({ expiresAt: sql`now() - interval '1 second'` })
      .where(eq(uploads.id, id))
    expect(await ada.ask(path)).toMatchObject({ status: 410, body: { code: 'upload_expired' } })
    const { db, storage } = service
    const swept = await sweepAll({ db, storage })
    expect(swept).toMatchObject({ uploads: 1, orphans: 0 })
    expect(await chunksOf(id)).toEqual([])
    expect((await ada.ask(path)).status).toBe(404)
    expect(await chunksOf(idIn(other))).toHaveLength(1)
    // As if its account was deleted: the folder in storage has no row.
    await db.delete(uploads).where(eq(uploads.id, idIn(other)))
    const later = new Date(Date.now() + 60_000)
    await sweepAll({ db, storage }, later)
    expect(await chunksOf(idIn(other))).toEqual([])
  })

  test('the deletion of an account removes its uploads, also one that is arriving', async () => {
    const anyone = clientOf(service.url)
    const bob = anyone.as(await anyone.newToken())
    const creation = { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '1000' } }
    const [paused, active] = [
      await bob.ask('/api/uploads', creation),
      await bob.ask('/api/uploads', creation),
    ].map(({ headers }) => headers.get('location') ?? '')
    const send = (path = '', body: BodyInit) =>
      bob.ask(path, { method: 'PATCH', headers: { 'upload-offset': '0', 'content-type': CHUNK_TYPE }, body })
    await send(paused, slice(0, 500))
    const accountGone = Promise.withResolvers<void>()
    const arriving = send(
      active,
      new ReadableStream({
        async start(control) {
          control.enqueue(slice(0, 100))
          await accountGone.promise
          control.enqueue(slice(100, 200))
          control.close()
        },
      }),
    )
    expect(await chunksOf(idIn(paused ?? ''))).toHaveLength(1)
    const chunkNumbers = () =>
      service.db
        .select({ piece: uploads.piece })
        .from(uploads)
        .where(eq(uploads.id, idIn(active ?? '')))
    while ((await chunkNumbers())[0]?.piece !== 1) await Bun.sleep(10)
    const gone = await bob.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password: 'correct horse battery' }),
    })
    expect(gone.status).toBe(204)
    expect(await chunksOf(idIn(paused ?? ''))).toEqual([])
    accountGone.resolve()
    expect((await arriving).status).toBe(404)
    expect(await chunksOf(idIn(active ?? ''))).toEqual([])
  })

  test('an upload that is not audio is refused with its last chunk, and removed', async () => {
    const text = Uint8Array.from(Buffer.from('This is no audio. '.repeat(50)))
    const path = await create(text.length)
    const { status, body } = await append(path, 0, text)
    expect({ status, body }).toMatchObject({ status: 415, body: { code: 'unsupported_type' } })
    expect((await ada.ask(path)).status).toBe(404)
    expect(await chunksOf(idIn(path))).toEqual([])
  })

  test('an upload that lacks the track of its metadata is refused with its last chunk, and removed', async () => {
    const path = await create(speech.length, { 'upload-metadata': `track ${base64('2')}` })
    const { status, body } = await append(path, 0, slice(0))
    expect({ status, body }).toMatchObject({ status: 400, body: { code: 'track_outside' } })
    expect((await ada.ask(path)).status).toBe(404)
  })

  test.each([
    ['that is too large', { 'upload-length': String(MAX_UPLOAD_BYTES + 1) }, 413, 'too_large'],
    ['that is empty', { 'upload-length': '0' }, 400, 'empty'],
    ['without a length', { 'upload-length': '' }, 400, 'validation'],
    ['of a negative length', { 'upload-length': '-1' }, 400, 'validation'],
    ['with an unknown language', { 'upload-metadata': `language ${base64('klingon')}` }, 400, 'validation'],
    ['with an invalid track', { 'upload-metadata': `track ${base64('-1')}` }, 400, 'validation'],
    ['with invalid metadata', { 'upload-metadata': 'language *' }, 400, 'validation'],
    [
      'with a NUL in a name',
      { 'upload-metadata': `filename ${base64('a\0b')},task AA==` },
      400,
      'validation',
    ],
    ['of another protocol version', { 'tus-resumable': '0.2.2' }, 412, 'unsupported_version'],
  ])('an upload %s is not created', async (_, headers, status, code) => {
    const before = await rows()
    const refused = await ada.ask('/api/uploads', {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '1000', ...headers },
    })
    expect({ status: refused.status, body: refused.body }).toMatchObject({ status, body: { code } })
    expect(await rows()).toEqual(before)
  })

  test('a user can have a hundred unfinished uploads', async () => {
    const anyone = clientOf(service.url)
    const bob = anyone.as(await anyone.newToken())
    const creation = { method: 'POST', headers: { 'upload-length': '1000' } }
    const statuses: number[] = []
    for (let count = 0; count < 101; count++) statuses.push((await bob.ask('/api/uploads', creation)).status)
    expect(statuses).toEqual([...Array<number>(100).fill(201), 409])
  })

  test('a chunk that is too large, of another type or without an offset is refused', async () => {
    const path = await create(1000)
    expect(await append(path, 0, slice(0, 1001))).toMatchObject({ status: 413, body: { code: 'too_large' } })
    const plain = await append(path, 0, slice(0, 10), { 'content-type': 'text/plain' })
    expect(plain).toMatchObject({ status: 415, body: { code: 'unsupported_type' } })
    const withoutOffset = await append(path, 0, slice(0, 10), { 'upload-offset': 'x' })
    expect(withoutOffset).toMatchObject({ status: 400, body: { code: 'validation' } })
    expect((await ada.ask(path, { method: 'HEAD' })).headers.get('upload-offset')).toBe('0')
    expect(await chunksOf(idIn(path))).toEqual([])
  })

  test('the metadata takes every option in the forms of a form', async () => {
    const options: [name: string, value: string][] = [
      ['keywords[]', 'ComfyUI'],
      ['keywords[]', 'Ada, Grace'],
      ['hotwords', 'Babbage'],
      ['languages[0]', 'de'],
      ['languages[1]', 'English'],
      ['language', 'AUTO'],
      ['replace', 'cube flow:Kubeflow'],
      ['replace', 'a,b:c'],
      ['prompt', 'A talk.'],
      ['temperature', '0.5'],
      ['words', 'Yes'],
      ['min_speakers', '2'],
    ]
    const metadata = options.map(([name, value]) => `${name} ${base64(value)}`).join(',')
    const path = await create(speech.length, { 'upload-metadata': metadata })
    const id = (await append(path, 0, slice(0))).headers.get('transcription-id') ?? ''
    expect(await findTranscription(service.db, id)).toMatchObject({
      keywords: ['ComfyUI', 'Ada', 'Grace', 'Babbage'],
      languages: ['de', 'en'],
      language: 'auto',
      replacements: [
        { heard: 'cube flow', written: 'Kubeflow' },
        { heard: 'a,b', written: 'c' },
      ],
      prompt: 'A talk.',
      temperature: 0.5,
      words: true,
      diarize: true,
      minSpeakers: 2,
      maxSpeakers: null,
    })
  })

  test('OPTIONS returns the protocol version and extensions without a token', async () => {
    const { status, headers } = await fetch(endpoint(), { method: 'OPTIONS' })
    expect({ status, ...Object.fromEntries(headers) }).toMatchObject({
      status: 204,
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,termination,expiration',
      'tus-max-size': String(MAX_UPLOAD_BYTES),
    })
  })

  test('each response has Tus-Resumable, and HEAD has the headers that tus requires', async () => {
    const metadata = `filename ${base64('a.wav')},language ${base64('de')}`
    const path = await create(1000, { 'upload-metadata': metadata })
    const head = await ada.ask(path, { method: 'HEAD' })
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'upload-length': '1000',
      'upload-metadata': metadata,
      'cache-control': 'no-store',
      'upload-expires': expect.stringMatching(/ GMT$/),
    })
    expect((await append(path, 5, slice(0, 10))).headers.get('tus-resumable')).toBe('1.0.0')
  })

  test('no request was logged as an unexpected error', () => expect(service.logged).toEqual([]))
})
