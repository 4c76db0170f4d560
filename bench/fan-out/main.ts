// Measures how much faster N sidecars transcribe one long file than one sidecar does. Needs Debian's
// postgresql.
//
//   bun bench/fan-out/main.ts [--hours 2] [--seconds 1]      simulated sidecars; seconds: per span, one span at a time
//   bun bench/fan-out/main.ts --real --hours 0.2             real speech, one and two real sidecars with one thread each
import { eq } from 'drizzle-orm'
import { openPostgres } from '../../src/db/postgres.ts'
import { spans } from '../../src/db/schema.ts'
import { wavOf } from '../../src/media/wav.ts'
import { longRecording } from '../../test/e2e/recording.ts'
import { realSidecar } from '../../test/engines/installed-sidecar.ts'
import { signUp } from '../../test/support/client.ts'
import { startService, withFolder } from '../../test/support/service.ts'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { openServer } from '../shared/postgres.ts'
import { simulatedSidecar } from '../shared/simulated-sidecar.ts'
import { markdownTable } from '../shared/tables.ts'

const { real, hours, seconds: secondsPerSpan } = readOptions({ real: false, hours: 2, seconds: 1 })
/** The duration of the clip and the pause that `longRecording` repeats. */
const REPEAT_SECONDS = 8.1

async function openSidecar(): Promise<{ url: string; stop: () => unknown }> {
  if (!real) {
    const server = simulatedSidecar({ answerMs: secondsPerSpan * 1000 })
    return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
  }
  const sidecar = await realSidecar({ CPU_WORKERS: '1', CPU_THREADS: '1' })
  const port = await sidecar.ready
  if (port === null) throw new Error('the sidecar did not start')
  return { url: `http://127.0.0.1:${port}`, stop: sidecar.stop }
}

/**
 * Transcribes the audio with `count` sidecars; returns the time from the start of the first span to the end
 * of the last.
 */
async function measure(databaseUrl: string, { audio, count }: { audio: Blob; count: number }) {
  return withFolder(async (folder) => {
    const sidecars = await Promise.all(Array.from({ length: count }, openSidecar))
    const SIDECAR_URL = sidecars.map(({ url }) => url).join(',')
    const service = await startService({ DATA_DIR: folder, DATABASE_URL: databaseUrl, SIDECAR_URL })
    await service.ready
    const user = await signUp(service.url)
    const id = await user.upload(audio, { language: 'en' })
    const { status, failure } = await user.finished(id)
    if (status !== 'completed') throw new Error(failure?.error)
    await service.kill('SIGTERM')
    for (const { stop } of sidecars) await stop()
    const { db, close } = await openPostgres({ url: databaseUrl })
    const done = await db.select().from(spans).where(eq(spans.transcriptionId, id))
    await close()
    const start = Math.min(...done.map(({ startedAt }) => Number(startedAt)))
    const end = Math.max(...done.map(({ finishedAt }) => Number(finishedAt)))
    return { spans: done.length, seconds: (end - start) / 1000 }
  })
}

await withCleanup(async (defer) => {
  const server = await openServer()
  defer(server.close)
  const audio = real
    ? await longRecording(Math.round((hours * 3600) / REPEAT_SECONDS))
    : new Blob([wavOf(new Uint8Array(hours * 3600 * 32_000))])
  const rows: number[][] = []
  for (const count of real ? [1, 2] : [1, 2, 4, 8]) {
    const { spans, seconds } = await measure(server.url, { audio, count })
    const speedup = (rows[0]?.[2] ?? seconds) / seconds
    rows.push([count, spans, seconds, speedup, speedup / count])
  }
  console.log(markdownTable(['sidecars', 'spans', 'seconds', 'times as fast', 'of N'], rows))
})
