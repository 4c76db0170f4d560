// One long file over several sidecars whose answer time is simulated: how close to N times as fast N of them are. Takes a
// Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/fan-out.ts [--hours 2] [--seconds 1]      seconds: what a sidecar takes for a span; it does one at a time
import { parseArgs } from 'node:util'
import { eq } from 'drizzle-orm'
import { openPostgres } from '../src/db/postgres.ts'
import { spans } from '../src/db/schema.ts'
import { wavOf } from '../src/media/wav.ts'
import { signUp } from '../test/e2e/client.ts'
import { startService, withFolder } from '../test/e2e/service.ts'
import { openServer } from './chaos/postgres.ts'
import { simulatedSidecar } from './simulated-sidecar.ts'

const { values } = parseArgs({
  options: { hours: { type: 'string', default: '2' }, seconds: { type: 'string', default: '1' } },
})
const HOURS = Number(values.hours)
const ANSWER_MS = Number(values.seconds) * 1000
const COUNTS = [1, 2, 4, 8]

const server = await openServer()
const audio = new Blob([wavOf(new Uint8Array(HOURS * 3600 * 32_000))])
const rows: Record<string, string | number>[] = []
for (const count of COUNTS) {
  await withFolder(async (folder) => {
    const sidecars = Array.from({ length: count }, () => simulatedSidecar({ answerMs: ANSWER_MS }))
    const SIDECAR_URL = sidecars.map(({ port }) => `http://127.0.0.1:${port}`).join(',')
    const service = await startService({ DATA_DIR: folder, DATABASE_URL: server.url, SIDECAR_URL })
    await service.ready
    const user = await signUp(service.url)
    const id = await user.upload(audio, { language: 'en' })
    const { status, failure } = await user.finished(id)
    if (status !== 'completed') throw new Error(failure?.error)
    const { db, close } = await openPostgres({ url: server.url })
    const done = await db.select().from(spans).where(eq(spans.transcriptionId, id))
    await close()
    const from = Math.min(...done.map(({ startedAt }) => Number(startedAt)))
    const to = Math.max(...done.map(({ finishedAt }) => Number(finishedAt)))
    const seconds = (to - from) / 1000
    const first = rows[0]?.seconds
    const times = first === undefined ? 1 : Number(first) / seconds
    rows.push({
      sidecars: count,
      spans: done.length,
      seconds: Number(seconds.toFixed(2)),
      'times as fast': Number(times.toFixed(2)),
      'of N': Number((times / count).toFixed(2)),
    })
    await service.kill('SIGTERM')
    for (const sidecar of sidecars) sidecar.stop(true)
  })
}
await server.close()
console.table(rows)
