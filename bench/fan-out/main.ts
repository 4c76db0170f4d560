// One long file over several sidecars whose answer time is simulated: how close to N times as fast N of them are. Takes a
// Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/fan-out/main.ts [--hours 2] [--seconds 1]      seconds: what a sidecar takes for a span; it does one at a time
//   bun bench/fan-out/main.ts --real [--hours 0.2]            real speech over one and two real sidecars of one thread each
import { parseArgs } from 'node:util'
import { eq } from 'drizzle-orm'
import { openPostgres } from '../../src/db/postgres.ts'
import { spans } from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { signUp } from '../../test/e2e/client.ts'
import { longRecording } from '../../test/e2e/recording.ts'
import { startService, withFolder } from '../../test/e2e/service.ts'
import { realSidecar } from '../../test/engines/installed-sidecar.ts'
import { openServer } from '../shared/postgres.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'

const { values } = parseArgs({
  options: {
    real: { type: 'boolean', default: false },
    hours: { type: 'string' },
    seconds: { type: 'string', default: '1' },
  },
})
const HOURS = Number(values.hours ?? (values.real ? 0.2 : 2))
const ANSWER_MS = Number(values.seconds) * 1000
const COUNTS = values.real ? [1, 2] : [1, 2, 4, 8]
/** Of the clip and its pause that real speech is made of. */
const CLIP_SECONDS = 8.1

type Sidecar = { port: number; stop: () => unknown }

async function real(): Promise<Sidecar> {
  const sidecar = await realSidecar({ CPU_WORKERS: '1', CPU_THREADS: '1' })
  const port = await sidecar.ready
  if (port === null) throw new Error('the sidecar did not start')
  return { port, stop: sidecar.stop }
}

function simulated(): Sidecar {
  const server = simulatedSidecar({ answerMs: ANSWER_MS })
  if (server.port === undefined) throw new Error('the sidecar did not start')
  return { port: server.port, stop: () => server.stop(true) }
}

const server = await openServer()
const audio = values.real
  ? await longRecording(Math.round((HOURS * 3600) / CLIP_SECONDS))
  : new Blob([wavOf(new Uint8Array(HOURS * 3600 * 32_000))])
const rows: Record<string, string | number>[] = []
for (const count of COUNTS) {
  await withFolder(async (folder) => {
    const sidecars: Sidecar[] = []
    while (sidecars.length < count) sidecars.push(values.real ? await real() : simulated())
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
    for (const sidecar of sidecars) await sidecar.stop()
  })
}
await server.close()
console.table(rows)
