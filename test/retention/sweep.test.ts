import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { counters, transcriptions } from '../../src/db/schema.ts'
import { acquireLease } from '../../src/limits/counters.store.ts'
import { markStorage } from '../../src/retention/storage-owner.ts'
import { type Sweep, sweep } from '../../src/retention/sweep.ts'
import { startSweeper } from '../../src/retention/sweeper.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { audioKey, FOLDER, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { findTranscription, type NewTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { haltingStream, keysBelow, streamOf } from '../contracts/storage.ts'
import { databases, type TestDatabase } from '../support/databases.ts'
import { temporaryFolder } from '../support/recordings.ts'
import { insertAnyUser, insertOwned } from '../support/rows.ts'
import { sweepOptions } from './sweeping.ts'

const AUDIO = new Uint8Array(10)
const HOUR_MS = 3_600_000
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS)
const daysAgo = (days: number) => hoursAgo(24 * days)

for (const kind of databases) {
  describe(`the sweep on ${kind.name}`, () => {
    let database: TestDatabase
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    let storage: Storage
    beforeAll(async () => {
      database = await kind.open()
    })
    afterAll(() => database?.close())
    beforeEach(async () => {
      await database.db.delete(transcriptions)
      folder = await temporaryFolder()
      storage = await diskStorage({ root: folder.path })
      await markStorage({ db: database.db, storage })
    })
    afterEach(() => folder[Symbol.asyncDispose]())

    const told: string[] = []
    const options = (other: Partial<Sweep> = {}) =>
      sweepOptions({
        ...{ db: database.db, storage },
        log: (line, error) => error && told.push(`${line}: ${error}`),
        ...other,
      })

    /** Stores an original and pcm, dated that many hours ago. */
    async function store(id: string, { hours }: { hours: number }) {
      for (const key of [audioKey(id), pcmKey({ id }), pcmKey({ id, channel: 1 })]) {
        await storage.write(key, streamOf(AUDIO))
        await date(join('files', key), hours)
      }
    }

    const date = (path: string, hours: number) =>
      utimes(join(folder.path, path), hoursAgo(hours), hoursAgo(hours))

    async function stored(row: Partial<NewTranscription>): Promise<string> {
      const id = await insertOwned(database.db, row)
      await store(id, { hours: 1000 })
      return id
    }

    const hasAudio = async (id: string) => (await keysBelow(storage, `${FOLDER}/${id}`)).length > 0
    const removedAt = async (id: string) => (await findTranscription(database.db, id))?.audioRemovedAt

    test('removes audio after the retention period, and keeps the transcript', async () => {
      const over = [
        await stored({ status: 'completed', completedAt: daysAgo(31), text: 'What was said.' }),
        await stored({ status: 'failed', completedAt: daysAgo(31) }),
        await stored({ status: 'canceled', createdAt: daysAgo(31) }),
      ]
      const kept = [
        await stored({ status: 'completed', createdAt: daysAgo(40), completedAt: daysAgo(29) }),
        await stored({ status: 'processing', createdAt: daysAgo(40) }),
        await stored({ status: 'queued', createdAt: daysAgo(40) }),
      ]
      expect(await sweep(options())).toEqual({
        expired: 0,
        uploads: 0,
        orphans: 0,
        abandoned: 0,
        acceptedAgain: 0,
      })
      for (const id of [...over, ...kept]) expect(await hasAudio(id)).toBe(true)

      expect(await sweep(options({ retentionDays: 30 }))).toEqual({
        expired: 3,
        uploads: 0,
        orphans: 0,
        abandoned: 0,
        acceptedAgain: 0,
      })
      for (const id of over) {
        expect(await hasAudio(id)).toBe(false)
        expect(await removedAt(id)).toBeInstanceOf(Date)
      }
      expect((await findTranscription(database.db, over[0] ?? ''))?.text).toBe('What was said.')
      for (const id of kept) {
        expect(await hasAudio(id)).toBe(true)
        expect(await removedAt(id)).toBeNull()
      }
      expect((await sweep(options({ retentionDays: 30 }))).expired).toBe(0)
    })

    test('resumes after a killed sweep, whether the files were removed or not', async () => {
      const ids = [await stored({ status: 'failed', completedAt: daysAgo(3) })]
      ids.push(await stored({ status: 'failed', completedAt: daysAgo(3) }))
      const killed = new Error('killed')
      for (const before of [true, false]) {
        const dying: Storage = {
          ...storage,
          async remove(prefix) {
            if (!before) await storage.remove(prefix)
            throw killed
          },
        }
        expect((await sweep(options({ storage: dying, retentionDays: 2 }))).expired).toBe(0)
        for (const id of ids) expect(await removedAt(id)).toBeNull()
      }
      expect(told.at(-1)).toContain('sweeping the storage failed')
      expect((await sweep(options({ retentionDays: 2 }))).expired).toBe(2)
      for (const id of ids) {
        expect(await hasAudio(id)).toBe(false)
        expect(await removedAt(id)).toBeInstanceOf(Date)
      }
    })

    test('removes more files than one query returns', async () => {
      const userId = await insertAnyUser(database.db)
      const row = { userId, status: 'failed' as const, completedAt: daysAgo(3), language: 'en' }
      const upload = { codec: 'mp3', contentType: 'audio/mpeg', audioBytes: 1, audioSha256: '00' }
      const rows = Array.from({ length: 1001 }, () => ({
        ...row,
        ...upload,
        task: 'transcribe' as const,
        words: false,
      }))
      await database.db.insert(transcriptions).values(rows)
      expect((await sweep(options({ retentionDays: 2 }))).expired).toBe(1001)
    })

    test('removes old files without a row, and nothing else', async () => {
      const known = await stored({ status: 'completed' })
      const [orphan, fresh] = [randomUUID(), randomUUID()]
      await store(orphan, { hours: 25 })
      await store('no-id-at-all', { hours: 25 })
      await store(fresh, { hours: 0 })
      // One new file keeps the whole folder, whichever is listed first.
      const mixed = [randomUUID(), randomUUID(), randomUUID()]
      for (const [index, id] of mixed.entries()) {
        await store(id, { hours: 25 })
        await date(join('files', [audioKey(id), pcmKey({ id }), pcmKey({ id, channel: 1 })][index] ?? ''), 23)
      }
      await storage.write('others/audio', streamOf(AUDIO))
      await date('files/others/audio', 1000)

      expect(await sweep(options())).toEqual({
        expired: 0,
        uploads: 0,
        orphans: 2,
        abandoned: 0,
        acceptedAgain: 0,
      })
      for (const id of [known, fresh, ...mixed]) {
        expect(await keysBelow(storage, `${FOLDER}/${id}`)).toHaveLength(3)
      }
      for (const id of [orphan, 'no-id-at-all']) expect(await hasAudio(id)).toBe(false)
      expect(await storage.size('others/audio')).toBe(AUDIO.length)

      expect((await sweep(options(), new Date(Date.now() + HOUR_MS))).orphans).toBe(4)
      for (const id of [fresh, ...mixed]) expect(await hasAudio(id)).toBe(false)
      expect(await hasAudio(known)).toBe(true)
    })

    test('scans the storage only in the process that holds the lease', async () => {
      const [, orphan] = [await stored({ status: 'completed' }), randomUUID()]
      await store(orphan, { hours: 25 })
      const { db } = database
      const key = randomUUID()
      const holdsScanLease = () => acquireLease(db, { key, seconds: 600 })
      const [first, second] = [
        await sweep(options({ holdsScanLease })),
        await sweep(options({ holdsScanLease })),
      ]
      expect([first.orphans, second.orphans]).toEqual([1, 0])
      await store(orphan, { hours: 25 })
      expect((await sweep(options({ holdsScanLease }))).orphans).toBe(0)
      await db.update(counters).set({ until: hoursAgo(1) })
      expect((await sweep(options({ holdsScanLease }))).orphans).toBe(1)
    })

    test('removes no orphan if the database has no transcription', async () => {
      const id = randomUUID()
      await store(id, { hours: 1000 })
      expect((await sweep(options())).orphans).toBe(0)
      expect(await hasAudio(id)).toBe(true)
    })

    test('keeps uploads in progress, and removes unfinished files after a day', async () => {
      const { stream, goOn } = haltingStream(AUDIO, 5)
      const writing = storage.write(audioKey(randomUUID()), stream)
      const incoming = join(folder.path, 'incoming')
      while ((await readdir(incoming)).length === 0) await Bun.sleep(2)
      await writeFile(join(incoming, 'left'), AUDIO)
      await date('incoming/left', 25)
      expect((await sweep(options())).abandoned).toBe(1)
      expect(await readdir(incoming)).toHaveLength(1)
      goOn()
      expect((await writing).bytes).toBe(AUDIO.length)
    })

    test('can run twice at the same time', async () => {
      const known = await stored({ status: 'completed', completedAt: daysAgo(1) })
      const over: string[] = []
      for (let count = 0; count < 20; count++) {
        over.push(await stored({ status: 'completed', completedAt: daysAgo(3) }))
        await store(randomUUID(), { hours: 25 })
      }
      told.length = 0
      await Promise.all([1, 2, 3].map(() => sweep(options({ retentionDays: 2 }))))
      expect(told).toEqual([])
      expect(await keysBelow(storage, FOLDER)).toEqual([
        audioKey(known),
        pcmKey({ id: known }),
        pcmKey({ id: known, channel: 1 }),
      ])
      for (const id of over) expect(await removedAt(id)).toBeInstanceOf(Date)
    })

    test('the sole owner removes abandoned files at its start, however new they are', async () => {
      const known = await stored({ status: 'completed' })
      await store(randomUUID(), { hours: 0 })
      await writeFile(join(folder.path, 'incoming', 'left'), AUDIO)
      await Bun.sleep(20)
      const { promise: swept, resolve } = Promise.withResolvers<string>()
      const { db } = database
      let rounds = 0
      const sweeper = startSweeper({
        ...sweepOptions({ db, storage }),
        soleOwner: true,
        alongside: async () => void rounds++,
        log: (line) => line.startsWith('removed') && resolve(line),
      })
      await Bun.sleep(20)
      const id = randomUUID()
      await storage.write(audioKey(id), streamOf(AUDIO))
      expect(await swept).toBe(
        'removed from the storage: folders without a row (1), half-written uploads (1)',
      )
      await sweeper.stop()
      expect(rounds).toBe(1)
      expect(await hasAudio(known)).toBe(true)
      expect(await hasAudio(id)).toBe(true)
      expect(await readdir(join(folder.path, 'incoming'))).toEqual([])
    })
  })
}
