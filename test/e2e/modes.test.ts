import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { idempotencyKeys, spans } from '../../src/db/schema.ts'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { realSidecar } from '../engines/installed-sidecar.ts'
import { signUp } from '../support/client.ts'
import { databases } from '../support/databases.ts'
import { fixtureText } from '../support/pcm.ts'
import { startService, withFolder } from '../support/service.ts'
import { ROOT } from '../support/sidecar-dir.ts'
import { wordErrorRate } from '../support/words.ts'
import { longRecording } from './recording.ts'

/** A recording of five minutes, mostly silent: three spans that take seconds. */
const [REPEATS, PAUSE_SECONDS] = [14, 16]
/** The spans of clips that a worker sends to a sidecar at once. */
const SPANS_AT_ONCE = SIDECAR_LIMITS.clipConcurrency
const postgres = databases.find(({ name }) => name === 'Postgres')

test.skipIf(!postgres)(
  'a worker takes over the spans of a killed worker',
  async () => {
    if (!postgres) return
    await withFolder(async (folder) => {
      const database = await postgres.open()
      const env = { DATA_DIR: folder, DATABASE_URL: database.url ?? '' }
      const api = await startService({ ...env, MODE: 'api' })
      await api.ready
      const user = await signUp(api.url)
      const id = await user.upload(await longRecording(REPEATS, PAUSE_SECONDS), { language: 'en' })

      const first = await startService({ ...env, MODE: 'worker' })
      expect((await fetch(`${first.url}/api/transcriptions/${id}`, { headers: user.headers })).status).toBe(
        404,
      )
      expect((await fetch(`${first.url}/health/live`)).status).toBe(200)
      while ((await user.status(id)).progress === 0) await Bun.sleep(100)
      await first.kill('SIGKILL')

      const second = await startService({ ...env, MODE: 'worker' })
      const done = await user.finished(id)
      expect(done.status).toBe('completed')
      expect(done.transcription?.match(/library/gi)?.length).toBe(REPEATS)
      expect(await Promise.all([second.kill('SIGTERM'), api.kill('SIGTERM')])).toEqual([0, 0])
      await database.close()
    })
  },
  600_000,
)

test.skipIf(!postgres)(
  'clients see no error while every process is replaced during uploads and status reads',
  async () => {
    if (!postgres) return
    await withFolder(async (folder) => {
      const [database, sidecar] = [await postgres.open(), await realSidecar()]
      const SIDECAR_URL = `http://127.0.0.1:${await sidecar.ready}`
      const env = { DATA_DIR: folder, DATABASE_URL: database.url ?? '', SIDECAR_URL }
      const startApi = () => startService({ ...env, MODE: 'api' })
      const startWorker = () => startService({ ...env, MODE: 'worker' })
      let [api, ...workers] = await Promise.all([startApi(), startWorker(), startWorker()])
      const user = await signUp(api.url)
      const clip = Bun.file(join(ROOT, 'test/fixtures/speech.mp3'))
      const ids: string[] = []
      let isLoading = true
      const uploading = (async () => {
        for (; isLoading; await Bun.sleep(200)) ids.push(await user.upload(clip, { language: 'en' }, api.url))
      })()
      const reading = (async () => {
        for (; isLoading; await Bun.sleep(20)) for (const id of ids.slice(-2)) await user.status(id, api.url)
      })()

      for (const [index, old] of workers.entries()) {
        workers[index] = await startWorker()
        expect(await old.kill('SIGTERM')).toBe(0)
      }
      const old = api
      api = await startApi()
      // Half of the body has arrived when the API gets SIGTERM.
      const half = Promise.withResolvers<void>()
      const stopping = Promise.withResolvers<void>()
      const bytes = await clip.bytes()
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(bytes.slice(0, bytes.length / 2))
          half.resolve()
          await stopping.promise
          controller.enqueue(bytes.slice(bytes.length / 2))
          controller.close()
        },
      })
      const key = crypto.randomUUID()
      const headers = { ...user.headers, 'Content-Type': 'audio/mpeg', 'Idempotency-Key': key }
      const slow = fetch(`${old.url}/api/transcribe`, { method: 'POST', headers, body })
      await half.promise
      const isReceiving = async () =>
        (await database.db.select().from(idempotencyKeys)).some((row) => row.key === key)
      while (!(await isReceiving())) await Bun.sleep(10)
      const stopped = old.kill('SIGTERM')
      const takesRequests = () =>
        fetch(`${old.url}/health/ready`)
          .then(({ ok }) => ok)
          .catch(() => false)
      while (await takesRequests()) await Bun.sleep(10)
      stopping.resolve()
      const { transcription_id: id }: { transcription_id: string } = await (await slow).json()
      ids.push(id)
      expect(await stopped).toBe(0)
      isLoading = false
      await Promise.all([uploading, reading])

      const text = await fixtureText()
      for (const id of ids) {
        const { status, transcription } = await user.finished(id, api.url)
        expect(status).toBe('completed')
        expect(wordErrorRate(text, transcription ?? '')).toBeLessThanOrEqual(0.1)
      }
      const rows = await database.db.select().from(spans)
      const repeats = rows.reduce((sum, { attempt }) => sum + attempt - 1, 0)
      console.log(`${ids.length} uploads, ${repeats} spans handed back`)
      expect(rows.map(({ failures }) => failures)).toEqual(rows.map(() => 0))
      expect(repeats).toBeLessThanOrEqual(workers.length * SPANS_AT_ONCE)
      expect(await Promise.all([api, ...workers].map((service) => service.kill('SIGTERM')))).toEqual([
        0, 0, 0,
      ])
      await sidecar.stop()
      await database.close()
    })
  },
  600_000,
)

test('a worker does not start without DATABASE_URL', async () => {
  await withFolder(async (folder) => {
    const started = startService({ DATA_DIR: folder, MODE: 'worker', DATABASE_URL: '' })
    expect(await started.catch((error: Error) => error.message)).toContain(
      'MODE is worker; it needs DATABASE_URL',
    )
  })
})
