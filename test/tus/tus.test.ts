import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import * as tus from 'tus-js-client'
import { transcriptions, uploads } from '../../src/db/schema.ts'
import { createTusService } from '../../src/tus/tus.service.ts'
import { claimsOf } from '../api/jwt.ts'
import { sweepAll } from '../retention/sweeping.ts'
import { type Client, clientOf, fixture, textAt } from '../support/api-client.ts'
import { MAX_UPLOAD_BYTES, startService, type TestService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'

setDefaultTimeout(60_000)

const PIECE = 'application/offset+octet-stream'
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
  const piecesOf = async (id: string) =>
    (await service.files()).filter((file) => file.includes(`uploads/${id}`))

  async function begin(length = speech.length, headers: Record<string, string> = {}): Promise<string> {
    const begun = await ada.ask('/api/uploads', {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': String(length), ...headers },
    })
    expect(begun.status).toBe(201)
    return begun.headers.get('location') ?? ''
  }

  const goOn = (
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
        'content-type': PIECE,
        ...headers,
      },
      body,
    })

  const slice = (from: number, to = speech.length) => Uint8Array.from(speech.subarray(from, to))
  const idIn = (path: string) => path.split('/').at(-1) ?? ''

  /** Runs the official client until it is done, or `until` has it stop. */
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

  test('the official client sends a file, which becomes a transcription', async () => {
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
    expect(await piecesOf(idIn(path))).toEqual([])
  })

  test('it breaks off and goes on, in pieces', async () => {
    const half = await send({ chunkSize: 50_000 }, (bytes) => bytes >= 100_000)
    expect(half.transcription).toBeNull()
    const { transcription } = await send({ uploadUrl: half.url, chunkSize: 70_000 })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).body).toMatchObject({
      size: speech.length,
      sha256: new Bun.CryptoHasher('sha256').update(speech).digest('hex'),
    })
  })

  test('with the first bytes in the request that begins it', async () => {
    const { transcription } = await send({ uploadDataDuringCreation: true })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).status).toBe(200)
  })

  test('where PATCH does not come through', async () => {
    const { transcription } = await send({ overridePatchMethod: true })
    expect((await ada.ask(`/api/transcriptions/${transcription}`)).status).toBe(200)
  })

  test('a POST that stands for no other method', async () => {
    const { status, headers, body } = await ada.ask(await begin(), { method: 'POST' })
    expect({ status, body }).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(headers.get('allow')?.split(', ')).toEqual(['OPTIONS', 'HEAD', 'GET', 'PATCH', 'DELETE'])
  })

  test('what came before a connection died is kept', async () => {
    const path = await begin()
    const { hostname, port } = new URL(service.url)
    const isArriving = async () => (await service.files()).some((file) => file.includes('incoming'))
    let offset = 0
    // If nothing had come when the connection died, nothing is kept: then the bytes are sent again.
    while ((await piecesOf(idIn(path))).length === 0) {
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
      socket.write(
        `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${ada.headers.authorization}\r\nTus-Resumable: 1.0.0\r\n` +
          `Upload-Offset: 0\r\nContent-Type: ${PIECE}\r\nContent-Length: ${speech.length}\r\n\r\n`,
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
    const rest = await goOn(path, offset, slice(offset))
    expect(rest.status).toBe(204)
    const { body } = await ada.ask(`/api/transcriptions/${rest.headers.get('transcription-id')}`)
    expect(body).toMatchObject({ sha256: new Bun.CryptoHasher('sha256').update(speech).digest('hex') })
  })

  test('of two that go on at the same place one holds', async () => {
    const path = await begin()
    const answers = await Promise.all([goOn(path, 0, slice(0, 80_000)), goOn(path, 0, slice(0, 80_000))])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
    expect((await goOn(path, 80_000, slice(80_000))).headers.get('transcription-id')).toBeTruthy()
  })

  test('the last piece sent twice makes one transcription', async () => {
    const path = await begin()
    const before = (await service.db.select().from(transcriptions)).length
    await goOn(path, 0, slice(0, 80_000))
    const first = await goOn(path, 80_000, slice(80_000))
    const again = await goOn(path, speech.length, new Uint8Array())
    expect(again.headers.get('transcription-id')).toBe(first.headers.get('transcription-id') ?? '')
    const head = await ada.ask(path, { method: 'HEAD' })
    expect(head.headers.get('transcription-id')).toBe(first.headers.get('transcription-id') ?? '')
    expect((await service.db.select().from(transcriptions)).length).toBe(before + 1)
  })

  test('what was whole when the service died becomes a transcription when it is asked for', async () => {
    const path = await begin()
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
    expect(await piecesOf(idIn(path))).toEqual([])
  })

  test('a wrong offset is told the right one', async () => {
    const path = await begin()
    await goOn(path, 0, slice(0, 1000))
    for (const offset of [0, 999, 1001, speech.length + 1]) {
      const { status, body } = await goOn(path, offset, slice(0, 10))
      expect({ status, body }).toMatchObject({ status: 409, body: { code: 'wrong_offset' } })
    }
    expect((await ada.ask(path, { method: 'HEAD' })).headers.get('upload-offset')).toBe('1000')
  })

  test('another user’s, and what is no upload: 404 alike', async () => {
    const path = await begin()
    const headers = { 'upload-offset': '0', 'content-type': PIECE }
    const asked = await Promise.all([
      eve.ask(path),
      eve.ask(path, { method: 'PATCH', headers, body: slice(0, 10) }),
      eve.ask(path, { method: 'DELETE' }),
      ada.ask(`/api/uploads/${crypto.randomUUID()}`),
      ada.ask('/api/uploads/none'),
    ])
    for (const { status, body } of asked) {
      expect({ status, body }).toEqual({
        status: 404,
        body: { error: 'Upload not found', code: 'not_found' },
      })
    }
    expect((await eve.ask(path, { method: 'HEAD' })).status).toBe(404)
  })

  test('what is given up leaves nothing', async () => {
    const path = await begin()
    await goOn(path, 0, slice(0, 1000))
    expect(await piecesOf(idIn(path))).toHaveLength(1)
    expect((await ada.ask(path, { method: 'DELETE' })).status).toBe(204)
    expect(await piecesOf(idIn(path))).toEqual([])
    expect((await ada.ask(path, { method: 'HEAD' })).status).toBe(404)
  })

  test('what expires is gone, and swept away with its bytes', async () => {
    const path = await begin()
    await goOn(path, 0, slice(0, 1000))
    const other = await begin()
    await goOn(other, 0, slice(0, 1000))
    const id = idIn(path)
    await service.db
      .update(uploads)
      .set({ expiresAt: sql`now() - interval '1 second'` })
      .where(eq(uploads.id, id))
    expect(await ada.ask(path)).toMatchObject({ status: 410, body: { code: 'upload_expired' } })
    const { db, storage } = service
    const swept = await sweepAll({ db, storage })
    expect(swept).toMatchObject({ uploads: 1, orphans: 0 })
    expect(await piecesOf(id)).toEqual([])
    expect((await ada.ask(path)).status).toBe(404)
    expect(await piecesOf(idIn(other))).toHaveLength(1)
    // The account is gone with its rows: what is left in storage is no one's.
    await db.delete(uploads).where(eq(uploads.id, idIn(other)))
    const later = new Date(Date.now() + 60_000)
    await sweepAll({ db, storage }, later)
    expect(await piecesOf(idIn(other))).toEqual([])
  })

  test('goes with the account, with its bytes, and so does what is on its way', async () => {
    const anyone = clientOf(service.url)
    const bob = anyone.as(await anyone.newToken())
    const begun = { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '1000' } }
    const [stopped, going] = [await bob.ask('/api/uploads', begun), await bob.ask('/api/uploads', begun)].map(
      ({ headers }) => headers.get('location') ?? '',
    )
    const piece = (path = '', body: BodyInit) =>
      bob.ask(path, { method: 'PATCH', headers: { 'upload-offset': '0', 'content-type': PIECE }, body })
    await piece(stopped, slice(0, 500))
    const accountGone = Promise.withResolvers<void>()
    const arriving = piece(
      going,
      new ReadableStream({
        async start(control) {
          control.enqueue(slice(0, 100))
          await accountGone.promise
          control.enqueue(slice(100, 200))
          control.close()
        },
      }),
    )
    expect(await piecesOf(idIn(stopped ?? ''))).toHaveLength(1)
    const begunPieces = () =>
      service.db
        .select({ piece: uploads.piece })
        .from(uploads)
        .where(eq(uploads.id, idIn(going ?? '')))
    while ((await begunPieces())[0]?.piece !== 1) await Bun.sleep(10)
    const gone = await bob.ask('/api/auth/me', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password: 'correct horse battery' }),
    })
    expect(gone.status).toBe(204)
    expect(await piecesOf(idIn(stopped ?? ''))).toEqual([])
    accountGone.resolve()
    expect((await arriving).status).toBe(404)
    expect(await piecesOf(idIn(going ?? ''))).toEqual([])
  })

  test('what is no audio is refused with its last piece, and gone', async () => {
    const text = Uint8Array.from(Buffer.from('This is no audio. '.repeat(50)))
    const path = await begin(text.length)
    const { status, body } = await goOn(path, 0, text)
    expect({ status, body }).toMatchObject({ status: 415, body: { code: 'unsupported_type' } })
    expect((await ada.ask(path)).status).toBe(404)
    expect(await piecesOf(idIn(path))).toEqual([])
  })

  test.each([
    ['too large', { 'upload-length': String(MAX_UPLOAD_BYTES + 1) }, 413, 'too_large'],
    ['empty', { 'upload-length': '0' }, 400, 'empty'],
    ['without a length', { 'upload-length': '' }, 400, 'validation'],
    ['of no length that is one', { 'upload-length': '-1' }, 400, 'validation'],
    ['with an unknown language', { 'upload-metadata': `language ${base64('klingon')}` }, 400, 'validation'],
    ['with metadata that is none', { 'upload-metadata': 'language *' }, 400, 'validation'],
    [
      'with a NUL in a name',
      { 'upload-metadata': `filename ${base64('a\0b')},task AA==` },
      400,
      'validation',
    ],
    ['by another version', { 'tus-resumable': '0.2.2' }, 412, 'unsupported_version'],
  ])('one that is %s is not begun', async (_, headers, status, code) => {
    const before = await rows()
    const refused = await ada.ask('/api/uploads', {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '1000', ...headers },
    })
    expect({ status: refused.status, body: refused.body }).toMatchObject({ status, body: { code } })
    expect(await rows()).toEqual(before)
  })

  test('there are a hundred unfinished ones at most', async () => {
    const anyone = clientOf(service.url)
    const bob = anyone.as(await anyone.newToken())
    const begun = { method: 'POST', headers: { 'upload-length': '1000' } }
    const statuses: number[] = []
    for (let count = 0; count < 101; count++) statuses.push((await bob.ask('/api/uploads', begun)).status)
    expect(statuses).toEqual([...Array<number>(100).fill(201), 409])
  })

  test('a piece that is none', async () => {
    const path = await begin(1000)
    expect(await goOn(path, 0, slice(0, 1001))).toMatchObject({ status: 413, body: { code: 'too_large' } })
    const plain = await goOn(path, 0, slice(0, 10), { 'content-type': 'text/plain' })
    expect(plain).toMatchObject({ status: 415, body: { code: 'unsupported_type' } })
    const nowhere = await goOn(path, 0, slice(0, 10), { 'upload-offset': 'x' })
    expect(nowhere).toMatchObject({ status: 400, body: { code: 'validation' } })
    expect((await ada.ask(path, { method: 'HEAD' })).headers.get('upload-offset')).toBe('0')
    expect(await piecesOf(idIn(path))).toEqual([])
  })

  test('OPTIONS tells what is spoken, without a token', async () => {
    const { status, headers } = await fetch(endpoint(), { method: 'OPTIONS' })
    expect({ status, ...Object.fromEntries(headers) }).toMatchObject({
      status: 204,
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,termination,expiration',
      'tus-max-size': String(MAX_UPLOAD_BYTES),
    })
  })

  test('every answer says the version, and HEAD what the protocol wants', async () => {
    const metadata = `filename ${base64('a.wav')},language ${base64('de')}`
    const path = await begin(1000, { 'upload-metadata': metadata })
    const head = await ada.ask(path, { method: 'HEAD' })
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'upload-length': '1000',
      'upload-metadata': metadata,
      'cache-control': 'no-store',
      'upload-expires': expect.stringMatching(/ GMT$/),
    })
    expect((await goOn(path, 5, slice(0, 10))).headers.get('tus-resumable')).toBe('1.0.0')
  })

  test('none of this is a defect', () => expect(service.logged).toEqual([]))
})
