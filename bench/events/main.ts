// How long after a span's result is written its event is with those who listen. Sidecars are simulated, all else is real;
// takes a Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/events/main.ts [--listeners 50] [--spans 200]      spans: how many there are in all
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { OpenDatabase } from '../../src/db/database.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { spans } from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { eventsIn } from '../../test/api/event-stream.ts'
import { signUp } from '../../test/e2e/client.ts'
import { startService, withFolder } from '../../test/e2e/service.ts'
import { openServer } from '../shared/postgres.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'

const { values } = parseArgs({
  options: { listeners: { type: 'string', default: '50' }, spans: { type: 'string', default: '200' } },
})
const LISTENERS = Number(values.listeners)
const SPANS = Number(values.spans)
const TARGET_MS = 50
const SIDECARS = 4
const ANSWER_MS = 250
const SPAN_BYTES = 120 * 32_000

type Receipt = { id: string; revision: number; at: number }

/** `files`, each uploaded and listened to by its share of the listeners; gives what was heard, and when. */
async function listened(url: string, files: number): Promise<Receipt[]> {
  const user = await signUp(url)
  const audio = new Blob([wavOf(new Uint8Array(Math.ceil(SPANS / files) * SPAN_BYTES))])
  const receipts: Receipt[] = []
  const listening: Promise<void>[] = []
  const ids: string[] = []
  for (let file = 0; file < files; file += 1) {
    const id = await user.upload(audio, { language: 'en' })
    ids.push(id)
    for (let one = 0; one < LISTENERS / files; one += 1) {
      const { body } = await fetch(`${url}/api/transcriptions/${id}/events`, { headers: user.headers })
      if (!body) throw new Error('no events')
      listening.push(hear(body, id, receipts))
    }
  }
  // Uploads and decoding are not what is measured.
  for (const id of ids) while ((await user.status(id)).duration === null) await Bun.sleep(50)
  await Bun.sleep(1000)
  isReady = true
  await Promise.all(listening)
  isReady = false
  return receipts
}

async function hear(body: ReadableStream<Uint8Array<ArrayBuffer>>, id: string, receipts: Receipt[]) {
  const events = eventsIn(body)
  for (;;) {
    const told = await events.next()
    if (!told) return
    if (told.event === 'segments') receipts.push({ id, revision: Number(events.lastId), at: Date.now() })
  }
}

/** Milliseconds from the start of the transaction that wrote each span to each receipt of it. */
async function delays(receipts: Receipt[], { db, close }: OpenDatabase): Promise<number[]> {
  const rows = await db.select().from(spans)
  await close()
  const written = new Map(
    rows.map((row) => [`${row.transcriptionId} ${row.revision}`, Number(row.finishedAt)]),
  )
  return receipts
    .map(({ id, revision, at }) => at - (written.get(`${id} ${revision}`) ?? Number.NaN))
    .toSorted((a, b) => a - b)
}

async function onPostgres(files: number): Promise<number[]> {
  return withFolder(async (folder) => {
    const server = await openServer({ fsync: false })
    const env = { DATA_DIR: folder, DATABASE_URL: server.url, SIDECAR_URL }
    const api = await startService({ ...env, MODE: 'api' })
    const worker = await startService({ ...env, MODE: 'worker' })
    const receipts = await listened(api.url, files)
    await Promise.all([api.kill('SIGTERM'), worker.kill('SIGTERM')])
    const found = await delays(receipts, await openPostgres({ url: server.url }))
    await server.close()
    return found
  })
}

async function embedded(files: number): Promise<number[]> {
  return withFolder(async (folder) => {
    const service = await startService({ DATA_DIR: folder, SIDECAR_URL })
    const receipts = await listened(service.url, files)
    await service.kill('SIGTERM')
    return delays(receipts, await openPglite({ dataDir: join(folder, 'postgres') }))
  })
}

let isReady = false
const sidecars = Array.from({ length: SIDECARS }, () =>
  simulatedSidecar({ answerMs: ANSWER_MS, ready: () => isReady }),
)
const SIDECAR_URL = sidecars.map(({ port }) => `http://127.0.0.1:${port}`).join(',')
const rows: Record<string, string | number>[] = []
for (const [database, measure] of Object.entries({ 'Postgres, two processes': onPostgres, embedded })) {
  for (const files of [LISTENERS, 1]) {
    const found = await measure(files)
    const at = (share: number) =>
      found[Math.min(found.length - 1, Math.floor(share * found.length))] ?? Number.NaN
    rows.push({
      database,
      listeners: files === 1 ? `${LISTENERS} on one file` : `one on each of ${files}`,
      events: found.length,
      'p50 ms': at(0.5),
      'p95 ms': at(0.95),
      'max ms': at(1),
    })
    if (!(at(0.95) <= TARGET_MS)) process.exitCode = 1
  }
}
for (const sidecar of sidecars) sidecar.stop(true)
console.table(rows)
