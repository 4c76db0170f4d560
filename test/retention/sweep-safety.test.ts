import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { cp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { removeUser } from '../../src/auth/users.store.ts'
import {
  installation,
  storageOrphans,
  storageRemovals,
  transcriptions,
  uploads,
} from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { storageSweepState } from '../../src/retention/orphans.store.ts'
import { markStorage, OWNER_KEY } from '../../src/retention/storage-owner.ts'
import { type Sweep, sweep } from '../../src/retention/sweep.ts'
import { createAcceptAgain } from '../../src/transcriptions/intake/accept-again.ts'
import { findAnswer } from '../../src/transcriptions/intake/idempotency.store.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { createRemoveFolder } from '../../src/transcriptions/removal.ts'
import { audioKey, folderOf, manifestKey, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { findTranscription, removeOwned } from '../../src/transcriptions/transcriptions.store.ts'
import { insertUpload } from '../../src/tus/uploads.store.ts'
import { findCallback } from '../../src/webhooks/callbacks.store.ts'
import { keysBelow, streamOf } from '../contracts/storage.ts'
import { openBeginUpload } from '../support/begin-upload.ts'
import { signUp } from '../support/client.ts'
import { databases } from '../support/databases.ts'
import { startFakeSidecar } from '../support/fake-sidecar.ts'
import { threeTracks } from '../support/matroska.ts'
import { fixturePcm } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { fixture } from '../support/recordings.ts'
import { insertAnyUser, insertOwned } from '../support/rows.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'
import { type RunningService, startService, withFolder } from '../support/service.ts'
import { uploadAudio } from '../support/upload-audio.ts'
import { sweepOptions } from './sweeping.ts'

const clip = Bun.file(fixture('speech.mp3'))
const AUDIO = new Uint8Array(100)
const speech = await fixturePcm('speech.wav')
const wav = wavOf(speech)
const postgres = databases.find(({ name }) => name === 'Postgres')

/** What an inspection finds in `wav`. */
const INSPECTION = {
  container: 'wav',
  codec: 'pcm_s16le',
  channels: 1,
  claimedSeconds: 7,
  track: 1,
  tracks: [],
}

/** Makes all files count as abandoned. */
const later = () => new Date(Date.now() + 60_000)

/** Fields that manifests of version 1 did not have at first. */
const LATER_FIELDS = [
  ...['prompt', 'keywords', 'track', 'tracks', 'script', 'isLanguageDefault'],
  ...['replacements', 'languages', 'temperature', 'callback'],
]

describe.each(databases)('the sweep of a storage whose rows are in $name', (kind) => {
  let pipeline: Pipeline
  let told: string[]
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
    await insertOwned(pipeline.db)
  })
  beforeEach(async () => {
    told = []
    const { db, storage } = pipeline
    for (const folder of ['transcriptions', 'uploads', OWNER_KEY]) await storage.remove(folder)
    await db.delete(storageOrphans)
    await db.delete(storageRemovals)
    await db.update(installation).set({ sweepStopped: null })
    await markStorage({ db, storage })
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  const run = ({ db, storage } = pipeline, other: Partial<Sweep> = {}) =>
    sweep(
      sweepOptions({ db, storage, orphanDays: 30, maxOrphans: 20, log: (line) => told.push(line), ...other }),
      later(),
    )
  const state = () => storageSweepState(pipeline.db)
  const isStored = async (id: string) => (await pipeline.storage.size(audioKey(id))) !== null
  const seenDaysAgo = (days: number) =>
    pipeline.db.update(storageOrphans).set({ firstSeenAt: sql`now() - make_interval(days => ${days})` })

  async function storeOrphan(): Promise<string> {
    const id = randomUUID()
    await pipeline.storage.write(audioKey(id), streamOf(AUDIO))
    return id
  }

  test('keeps a folder without a row in quarantine, from when it is first seen, and reports it once', async () => {
    const id = await storeOrphan()
    for (const _ of [1, 2]) expect((await run()).orphans).toBe(0)
    expect(told).toEqual([`folders without a row are kept for 30 days: ${folderOf(id)}`])
    expect(await state()).toEqual({ orphans: 1, isStopped: false })
    await seenDaysAgo(29)
    expect((await run()).orphans).toBe(0)
    expect(await isStored(id)).toBe(true)
    await seenDaysAgo(31)
    expect((await run()).orphans).toBe(1)
    expect(await isStored(id)).toBe(false)
    expect(await state()).toEqual({ orphans: 0, isStopped: false })
  })

  test('begins the quarantine anew after the folder had a row again', async () => {
    const id = await storeOrphan()
    await run()
    await seenDaysAgo(31)
    await insertOwned(pipeline.db, { id })
    await run()
    expect(await state()).toEqual({ orphans: 0, isStopped: false })
    expect(await isStored(id)).toBe(true)
  })

  test('removes no folder if there are more than MAX_ORPHANS, says so, and continues when there are fewer', async () => {
    const ids = [await storeOrphan(), await storeOrphan(), await storeOrphan()]
    await run()
    await seenDaysAgo(31)
    expect((await run(pipeline, { maxOrphans: 2 })).orphans).toBe(0)
    for (const id of ids) expect(await isStored(id)).toBe(true)
    expect(told.at(-1)).toMatch(/^the sweep removes no folder: 3 folders .* MAX_ORPHANS \(2\)/)
    expect(await state()).toEqual({ orphans: 3, isStopped: true })
    expect((await run(pipeline, { maxOrphans: 3 })).orphans).toBe(3)
    expect(await state()).toEqual({ orphans: 0, isStopped: false })
  })

  test.each([
    ['is another database’s', () => pipeline.db.update(installation).set({ id: randomUUID() })],
    [
      'was used by a newer state of the database',
      () => pipeline.db.update(installation).set({ generation: 0 }),
    ],
    ['has lost its owner', () => pipeline.storage.remove(OWNER_KEY)],
  ])('removes nothing from a storage that %s, not even what expired', async (_, change) => {
    const orphan = await storeOrphan()
    await run()
    await seenDaysAgo(31)
    const completedAt = new Date(0)
    const expired = await insertOwned(pipeline.db, { status: 'completed', completedAt })
    await pipeline.storage.write(audioKey(expired), streamOf(AUDIO))
    await change()
    const nothing = { expired: 0, uploads: 0, orphans: 0, abandoned: 0, acceptedAgain: 0 }
    expect(await run(pipeline, { retentionDays: 1 })).toEqual(nothing)
    for (const id of [orphan, expired]) expect(await isStored(id)).toBe(true)
    expect((await state()).isStopped).toBe(true)
    await removeOwned(pipeline.db, { id: expired, userId: (await rowOf(expired)).userId })
  })

  const rowOf = async (id: string) => (await findTranscription(pipeline.db, id)) ?? expect.unreachable()

  test('finishes deletions at once, whoever deleted the row and whatever was still being written', async () => {
    const { db, storage } = pipeline
    const userId = await insertAnyUser(db)
    const ids = [await insertOwned(db, { userId }), await insertOwned(db), await insertOwned(db)]
    const [ofAccount = '', broken = '', late = ''] = ids
    const upload = (await insertUpload(db, { userId, length: 10, metadata: '' })) ?? expect.unreachable()
    for (const id of ids) await storage.write(audioKey(id), streamOf(AUDIO))
    await storage.write(`uploads/${upload.id}/1`, streamOf(AUDIO))
    await removeUser(db, userId)
    await db.delete(transcriptions).where(eq(transcriptions.id, broken))
    const away = { remove: () => Promise.reject(new Error('the bucket is away')) }
    await createRemoveFolder({ db, storage: away })(folderOf(broken))
    await db.delete(transcriptions).where(eq(transcriptions.id, late))
    await createRemoveFolder({ db, storage })(folderOf(late))
    await storage.write(pcmKey({ id: late }), streamOf(AUDIO))
    await run()
    for (const folder of [...[ofAccount, broken, late].map(folderOf), `uploads/${upload.id}`]) {
      expect(await keysBelow(storage, folder)).toEqual([])
    }
    expect(await state()).toEqual({ orphans: 0, isStopped: false })
  })

  test('prepare keeps the original if its row is missing and no deletion is recorded', async () => {
    const { db, storage } = pipeline
    const queue = await pipeline.openQueue()
    const services = pipeline.servicesOf({ queue, engine: scriptedEngine() })
    const id = await pipeline.upload(queue, wav)
    const prepare = createPrepare({
      ...services,
      media: {
        ...services.media,
        async decode(options) {
          const warnings = await services.media.decode(options)
          // Like a failover to a standby that had not received the row.
          await db.delete(transcriptions).where(eq(transcriptions.id, id))
          await db.delete(storageRemovals)
          return warnings
        },
      },
    })
    await prepare({ transcriptionId: id }, new AbortController().signal)
    expect(await keysBelow(storage, folderOf(id))).toEqual([audioKey(id), manifestKey(id)])
  })

  describe('and an upload whose row is lost', () => {
    const accepting = (queue: Awaited<ReturnType<Pipeline['openQueue']>>) =>
      createAcceptAgain({
        ...{ db: pipeline.db, queue, storage: pipeline.storage },
        provideWebhook: async () => {},
      })

    /** Loses the rows like a power cut: no removal is recorded. */
    async function lose(id: string) {
      await pipeline.db.delete(transcriptions).where(eq(transcriptions.id, id))
      await pipeline.db.delete(storageRemovals)
    }

    test('accept it again under its id, with its options, and it is transcribed', async () => {
      const queue = await pipeline.startWorker(scriptedEngine())
      const options = { language: 'zh-TW', words: 'true', start: '1', end: '3' }
      const fields = { ...options, track: '3', prompt: 'A talk.', keywords: 'Ada,Grace' }
      const header = { name: 'X-Secret', value: 'open sesame' }
      const id = await pipeline.upload(
        queue,
        threeTracks(speech).file,
        { ...fields, webhook_url: 'https://1.1.1.1/' },
        { callback: { format: 'assemblyai', method: 'POST', header, request: null, urlName: 'webhook_url' } },
      )
      const before = await pipeline.once(id, isFinished)
      const callback = await findCallback(pipeline.db, id)
      expect(callback).toMatchObject({ headerName: 'X-Secret' })
      await lose(id)
      expect((await run(pipeline, { acceptAgain: accepting(queue) })).acceptedAgain).toBe(1)
      expect(told).toContain(`the database had no row of the upload ${id}: it is accepted again`)
      const { createdAt, completedAt, revision, ...after } = await pipeline.once(id, isFinished)
      expect(before).toMatchObject(after)
      expect(await findCallback(pipeline.db, id)).toEqual(callback)
      expect(Math.abs(Number(createdAt) - Number(before.createdAt))).toBeLessThan(60_000)
      expect((await run(pipeline, { acceptAgain: accepting(queue) })).acceptedAgain).toBe(0)
    })

    test('accept it again if an earlier version wrote its manifest', async () => {
      const queue = await pipeline.openQueue()
      const id = await pipeline.upload(queue, wav, { language: 'de' })
      const manifest = JSON.parse(
        await new Response(await pipeline.storage.read(manifestKey(id))).text(),
        (name, value) => (LATER_FIELDS.includes(name) ? undefined : value),
      )
      await pipeline.storage.write(manifestKey(id), streamOf(Buffer.from(JSON.stringify(manifest))))
      await lose(id)
      expect((await run(pipeline, { acceptAgain: accepting(queue) })).acceptedAgain).toBe(1)
      const hints = { script: null, isLanguageDefault: false, prompt: null, keywords: [] }
      expect(await rowOf(id)).toMatchObject({ language: 'de', ...hints, track: null, tracks: null })
    })

    test.each([
      [
        'its user is lost too',
        'its user does not exist',
        async (id: string) => removeUser(pipeline.db, (await rowOf(id)).userId),
      ],
      [
        'half of its audio is lost',
        'its audio is incomplete',
        (id: string) => pipeline.storage.write(audioKey(id), streamOf(AUDIO)),
      ],
      [
        'its manifest is damaged',
        'its manifest cannot be read',
        (id: string) => pipeline.storage.write(manifestKey(id), streamOf(AUDIO)),
      ],
    ])('keep it and report it if %s', async (_, reason, change) => {
      const queue = await pipeline.openQueue()
      const by = await insertAnyUser(pipeline.db)
      const id = await pipeline.upload(queue, wav, {}, { by })
      await change(id)
      await lose(id)
      for (const _ of [1, 2]) await run(pipeline, { acceptAgain: accepting(queue) })
      expect(told).toEqual([`folders without a row are kept for 30 days: ${folderOf(id)} (${reason})`])
      expect(await isStored(id)).toBe(true)
    })

    test('do not accept it again if it was deleted, also at that moment', async () => {
      const { db } = pipeline
      const queue = await pipeline.openQueue()
      const id = await pipeline.upload(queue, wav)
      const again = accepting(queue)
      await db.delete(transcriptions).where(eq(transcriptions.id, id))
      expect(await again(id)).toEqual({ kind: 'known' })
      const { userId } = pipeline
      await createRemoveFolder({ db, storage: { remove: async () => {} } })(folderOf(id))
      expect(await again(id)).toEqual({ kind: 'known' })
      expect(await removeOwned(db, { id, userId })).toBe(false)
    })

    /** An upload with an Idempotency-Key, or as the end of a resumable upload. */
    async function uploadAs(other: { idempotencyKey?: string; uploadId?: string }) {
      const { db, storage, userId } = pipeline
      const queue = await pipeline.openQueue()
      const beginUpload = await openBeginUpload({
        db,
        queue,
        storage,
        inspect: async () => ({ inspection: INSPECTION, sound: null }),
      })
      const send = () => uploadAudio(beginUpload, { userId, audio: wav, ...other })
      return { id: await send(), queue, send }
    }

    test('answer its Idempotency-Key as before', async () => {
      const key = randomUUID()
      const { id, queue, send } = await uploadAs({ idempotencyKey: key })
      await lose(id)
      await run(pipeline, { acceptAgain: accepting(queue) })
      const { db, userId } = pipeline
      expect((await findAnswer(db, { userId, key }))?.transcriptionId).toBe(id)
      expect(await send()).toBe(id)
    })

    test('do not accept it again if its client has sent it again', async () => {
      const { id, queue, send } = await uploadAs({ idempotencyKey: randomUUID() })
      await lose(id)
      expect(await send()).not.toBe(id)
      expect(await accepting(queue)(id)).toEqual({ kind: 'refused', reason: 'it was sent again' })
    })

    test('make it the end of its resumable upload', async () => {
      const { db, userId } = pipeline
      const row = (await insertUpload(db, { userId, length: 10, metadata: '' })) ?? expect.unreachable()
      const { id, queue } = await uploadAs({ uploadId: row.id })
      await db.update(uploads).set({ transcriptionId: null }).where(eq(uploads.id, row.id))
      await lose(id)
      await run(pipeline, { acceptAgain: accepting(queue) })
      const [after] = await db.select().from(uploads).where(eq(uploads.id, row.id))
      expect(after?.transcriptionId).toBe(id)
    })
  })

  test('an upload whose commit was not answered keeps its audio, and is answered if it was committed', async () => {
    const { db, storage, userId } = pipeline
    const queue = await pipeline.openQueue()
    const lost = Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' })
    const uploading = async (isCommitted: boolean) => {
      const rollback = new Error('rolled back')
      const dying: typeof db = {
        ...db,
        transaction: async (work) => {
          await db
            .transaction(async (tx) => {
              await work(tx)
              if (!isCommitted) throw rollback
            })
            .catch((error) => {
              if (error !== rollback) throw error
            })
          throw lost
        },
      }
      const proxy = new Proxy(db, {
        get: (target, name) => (name === 'transaction' ? dying.transaction : Reflect.get(target, name)),
      })
      const beginUpload = await openBeginUpload({
        db: proxy,
        queue,
        storage,
        inspect: async () => ({ inspection: INSPECTION, sound: null }),
      })
      return uploadAudio(beginUpload, { userId, audio: wav })
    }
    const id = await uploading(true)
    expect(await keysBelow(storage, folderOf(id))).toEqual([audioKey(id), manifestKey(id)])
    expect(await uploading(false).catch((error) => error)).toBe(lost)
    const kept = (await keysBelow(storage, 'transcriptions')).filter((key) => !key.includes(id))
    expect(kept).toEqual([expect.stringMatching(/\/audio$/)])
  })
})

describe('the owner of a storage', () => {
  const NO_ENGINE = { SIDECAR_URL: 'http://127.0.0.1:9' }
  const refusalOf = (env: Record<string, string>) =>
    startService({ ...NO_ENGINE, ...env }).then(
      () => expect.unreachable(),
      (error: Error) => error.message,
    )

  async function startAndStop(env: Record<string, string>): Promise<string> {
    const service = await startService({ ...NO_ENGINE, ...env })
    expect(await service.kill('SIGTERM')).toBe(0)
    return service.output.join('\n')
  }

  test.skipIf(!postgres)(
    'is one database: another one, and an older state of it, are refused at the start',
    async () => {
      if (!postgres) return
      const [first, second] = [await postgres.open(), await postgres.open()]
      await withFolder(async (DATA_DIR) => {
        const [own, foreign] = [first, second].map(({ url = '' }) => ({ DATABASE_URL: url, DATA_DIR }))
        if (!own || !foreign) return
        await startAndStop(own)
        const owner = join(DATA_DIR, 'files', 'owner')
        const before = await readFile(owner, 'utf8')
        expect(await refusalOf(foreign)).toMatch(
          /The storage belongs to another database: .* remove the file `owner`/,
        )
        expect(await readFile(owner, 'utf8')).toBe(before)
        await startAndStop(own)

        await first.db.update(installation).set({ generation: 1 })
        expect(await refusalOf(own)).toMatch(
          /The database is older than its storage, .* remove the file `owner`/,
        )
        // The remedy that the message names.
        await rm(owner)
        expect(await startAndStop(own)).toContain('this database owns it from now on')
        await rm(owner)
        await startAndStop(foreign)
        expect(await refusalOf(own)).toContain('belongs to another database')
      })
      await first.close()
      await second.close()
    },
  )
})

test('after a power cut, an upload whose audio is on the disk is accepted again by the embedded database', async () => {
  const sidecar = startFakeSidecar()
  await withFolder(async (DATA_DIR) => {
    const env = { DATA_DIR, SIDECAR_URL: sidecar.url }
    const [rows, copy] = [join(DATA_DIR, 'postgres'), join(DATA_DIR, 'copy')]
    let service: RunningService = await startService(env)
    const user = await signUp(service.url)
    const before = await user.upload(clip, {}, service.url)
    const { transcription } = await user.finished(before, service.url)
    expect(await service.kill('SIGTERM')).toBe(0)
    await cp(rows, copy, { recursive: true })

    service = await startService(env)
    const lost = await user.upload(clip, { language: 'de' }, service.url)
    expect((await user.finished(lost, service.url)).language).toBe('de')
    const stranger = await signUp(service.url)
    const ofStranger = await stranger.upload(clip, {}, service.url)
    expect(await service.kill('SIGTERM')).toBe(0)
    // PGlite does not sync its files, so after a power cut an older state of them may be on the disk.
    await rm(rows, { recursive: true })
    await rename(copy, rows)

    service = await startService(env)
    const printed = async (text: string) => {
      while (!service.output.some((line) => line.includes(text))) await Bun.sleep(50)
    }
    await printed(`no row of the upload ${lost}: it is accepted again`)
    expect(await user.finished(lost, service.url)).toMatchObject({
      ...{ language: 'de', transcription },
      status: 'completed',
    })
    expect(await user.finished(before, service.url)).toMatchObject({ status: 'completed', transcription })
    expect(await Bun.file(join(DATA_DIR, 'files', audioKey(ofStranger))).exists()).toBe(true)
    await printed('its user does not exist')
    expect(service.output.join('\n')).toContain('the database is older than the storage')
    expect(await service.kill('SIGTERM')).toBe(0)
  })
  await sidecar.stop()
})
