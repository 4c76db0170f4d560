// Measures the delay from writing a span's result to the arrival of its event at the listeners. The sidecars
// are simulated. Needs Debian's postgresql.
//
//   bun bench/events/main.ts [--listeners 50] [--spans 200]      spans: in all files together
import { join } from 'node:path'
import type { OpenDatabase } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { spans } from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { signUp } from '../../test/support/client.ts'
import { eventsIn } from '../../test/support/event-stream.ts'
import { startService, withFolder } from '../../test/support/service.ts'
import { readOptions } from '../shared/options.ts'
import { openServer } from '../shared/postgres.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'
import { markdownTable, percentile } from '../shared/tables.ts'

const options = readOptions({ listeners: 50, spans: 200 })
const TARGET_MS = 50
const SIDECARS = 4
const ANSWER_MS = 250
const SPAN_BYTES = 120 * 32_000

type Receipt = { id: string; revision: number; at: number }

let isReady = false
const sidecars = Array.from({ length: SIDECARS }, () =>
  simulatedSidecar({ answerMs: ANSWER_MS, ready: () => isReady }),
)
const SIDECAR_URL = sidecars.map(({ port }) => `http://127.0.0.1:${port}`).join(',')

/** Uploads the files, divides the listeners among them, and records when each event arrives. */
async function listenTo(url: string, files: number): Promise<Receipt[]> {
  const user = await signUp(url)
  const audio = new Blob([wavOf(new Uint8Array(Math.ceil(options.spans / files) * SPAN_BYTES))])
  const receipts: Receipt[] = []
  const listening: Promise<void>[] = []
  const ids = await Promise.all(Array.from({ length: files }, () => user.upload(audio, { language: 'en' })))
  for (const id of ids) {
    for (let listener = 0; listener < options.listeners / files; listener++) {
      const { body } = await fetch(`${url}/api/transcriptions/${id}/events`, { headers: user.headers })
      if (!body) throw new Error('the event stream has no body')
      listening.push(record(body, id, receipts))
    }
  }
  // Uploading and decoding must not be part of the measurement, so the sidecars become ready only after them.
  for (const id of ids) while ((await user.status(id)).duration === null) await Bun.sleep(50)
  await Bun.sleep(1000)
  isReady = true
  await Promise.all(listening)
  isReady = false
  return receipts
}

async function record(body: ReadableStream<Uint8Array<ArrayBuffer>>, id: string, receipts: Receipt[]) {
  const events = eventsIn(body)
  for (let next = await events.next(); next; next = await events.next()) {
    if (next.event === 'segments') receipts.push({ id, revision: Number(events.lastId), at: Date.now() })
  }
}

/** Milliseconds from the start of the transaction that wrote a span to each receipt of its event. */
async function delaysOf(receipts: Receipt[], { db, close }: OpenDatabase): Promise<number[]> {
  const rows = await db.select().from(spans)
  await close()
  const written = new Map(
    rows.map((row) => [`${row.transcriptionId} ${row.revision}`, Number(row.finishedAt)]),
  )
  return receipts.map(({ id, revision, at }) => at - (written.get(`${id} ${revision}`) ?? Number.NaN))
}

async function onPostgres(folder: string, files: number): Promise<number[]> {
  const server = await openServer({ fsync: false })
  const env = { DATA_DIR: folder, DATABASE_URL: server.url, SIDECAR_URL }
  const api = await startService({ ...env, MODE: 'api' })
  const worker = await startService({ ...env, MODE: 'worker' })
  const receipts = await listenTo(api.url, files)
  await Promise.all([api.kill('SIGTERM'), worker.kill('SIGTERM')])
  const delays = await delaysOf(receipts, await openPostgres({ url: server.url }))
  await server.close()
  return delays
}

async function embedded(folder: string, files: number): Promise<number[]> {
  const service = await startService({ DATA_DIR: folder, SIDECAR_URL })
  const receipts = await listenTo(service.url, files)
  await service.kill('SIGTERM')
  return delaysOf(receipts, await openPglite({ dataDir: join(folder, 'postgres') }))
}

const rows: (string | number)[][] = []
for (const [database, measure] of Object.entries({ 'Postgres, two processes': onPostgres, embedded })) {
  for (const files of [options.listeners, 1]) {
    const delays = await withFolder((folder) => measure(folder, files))
    const p95 = percentile(delays, 0.95)
    const listeners = files === 1 ? `${options.listeners} on one file` : `one on each of ${files} files`
    rows.push([
      `${database}, ${listeners}`,
      delays.length,
      percentile(delays, 0.5),
      p95,
      percentile(delays, 1),
    ])
    if (!(p95 <= TARGET_MS)) process.exitCode = 1
  }
}
for (const sidecar of sidecars) sidecar.stop(true)
console.log(markdownTable(['database, listeners', 'events', 'p50 ms', 'p95 ms', 'max ms'], rows))
