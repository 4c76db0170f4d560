// Kills the API, the workers, their sidecars and Postgres with SIGKILL again and again while uploads keep
// coming, and checks that every accepted upload is completed with the right text and that nothing is left
// behind. Needs Debian's postgresql.
//
//   bun bench/chaos/main.ts [--kills 200] [--every 2000] [--uploads 1500] [--seed 1]
//
// every, uploads: average milliseconds between two kills, and between two uploads
import { join } from 'node:path'
import type { Database } from '../../src/db/database.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { segments, spans, transcriptions } from '../../src/db/schema.ts'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { longRecording } from '../../test/e2e/recording.ts'
import { sweepAll } from '../../test/retention/sweeping.ts'
import { signUp } from '../../test/support/client.ts'
import { randomFrom } from '../../test/support/seeded.ts'
import { freePort, withFolder } from '../../test/support/service.ts'
import { countDuplicateSegments, isCovered, orphanedFiles } from '../shared/integrity.ts'
import { readOptions } from '../shared/options.ts'
import { openServer } from '../shared/postgres.ts'
import { childrenOf } from '../shared/processes.ts'
import { supervise } from './supervisor.ts'

const options = readOptions({ kills: 200, every: 2000, uploads: 1500, seed: 1 })
const WORKERS = 2
/** The most spans that one kill can interrupt. */
const IN_FLIGHT = SIDECAR_LIMITS.concurrency + SIDECAR_LIMITS.clipConcurrency
const INTERRUPTS = { api: 0, worker: IN_FLIGHT, sidecar: IN_FLIGHT, postgres: IN_FLIGHT * WORKERS }
type Victim = keyof typeof INTERRUPTS
const random = randomFrom(options.seed)

type User = Awaited<ReturnType<typeof signUp>>
type Recording = { audio: Blob; text: string | null }

/** Uploads every few seconds until `signal` fires: four short recordings, then a long one. */
async function load(user: User, recordings: Recording[], signal: AbortSignal) {
  const accepted = new Map<string, string | null>()
  let refused = 0
  for (let count = 0; !signal.aborted; count++) {
    const recording = recordings[count % 5 === 4 ? 1 : 0]
    if (!recording) throw new Error('there is no recording')
    await user.upload(recording.audio, { language: 'en' }).then(
      (id) => accepted.set(id, recording.text),
      () => {
        refused += 1
      },
    )
    await Bun.sleep(options.uploads * (0.5 + random()))
  }
  return { accepted, refused }
}

function kill(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

async function killAtRandom(victims: [Victim, () => Promise<boolean>][]): Promise<Record<Victim, number>> {
  const killed = { api: 0, worker: 0, sidecar: 0, postgres: 0 }
  for (let kills = 0; kills < options.kills; ) {
    await Bun.sleep(options.every * (0.5 + random()))
    const victim = victims[Math.floor(random() * victims.length)]
    if (!victim || !(await victim[1]())) continue
    kills += 1
    killed[victim[0]] += 1
    if (kills % 20 === 0) console.log(`${kills} kills`)
  }
  return killed
}

async function waitForAll(db: Database) {
  const isOpen = ({ status }: { status: string }) => status === 'queued' || status === 'processing'
  let rows = await db.select().from(transcriptions)
  for (const deadline = Date.now() + 600_000; rows.some(isOpen) && Date.now() < deadline; ) {
    await Bun.sleep(500)
    rows = await db.select().from(transcriptions)
  }
  return rows
}

await withFolder(async (folder) => {
  const server = await openServer()
  const port = freePort()
  // CPU_WORKERS: both sidecars share the machine, so each gets one core.
  const env = { DATA_DIR: join(folder, 'data'), DATABASE_URL: server.url, CPU_WORKERS: '1' }
  const api = supervise({ ...env, MODE: 'api', PORT: String(port) })
  const workers = Array.from({ length: WORKERS }, () => supervise({ ...env, MODE: 'worker' }))
  const url = `http://127.0.0.1:${port}`
  while (!(await fetch(`${url}/health/live`).catch(() => null))?.ok) await Bun.sleep(100)

  const user = await signUp(url)
  const recordings: Recording[] = []
  for (const repeats of [1, 6]) {
    const audio = await longRecording(repeats)
    const { transcription } = await user.finished(await user.upload(audio, { language: 'en' }))
    recordings.push({ audio, text: transcription })
  }
  const loading = new AbortController()
  const loaded = load(user, recordings, loading.signal)
  const killed = await killAtRandom([
    ['api', async () => kill(api.pid())],
    ...workers.flatMap((worker): [Victim, () => Promise<boolean>][] => [
      ['worker', async () => kill(worker.pid())],
      ['sidecar', async () => kill((await childrenOf(worker.pid() ?? -1)).at(-1))],
    ]),
    ['postgres', () => server.kill().then(() => true)],
  ])
  loading.abort()
  const { accepted, refused } = await loaded

  const { db, close } = await openPostgres({ url: server.url })
  const rows = new Map((await waitForAll(db)).map((row) => [row.id, row]))
  await Promise.all([api, ...workers].map((process) => process.stop()))
  const work = await db.select().from(spans)
  const storage = await diskStorage({ root: env.DATA_DIR })
  const orphans = await orphanedFiles(storage, rows)
  // The sweep treats everything up to this time as old enough to remove.
  await sweepAll({ db, storage, log: console.log }, new Date(Date.now() + 60_000))
  const retried = work.reduce((sum, { attempt }) => sum + attempt - 1, 0)
  const interrupted = Object.entries(INTERRUPTS).reduce(
    (sum, [name, spans]) => sum + spans * (new Map(Object.entries(killed)).get(name) ?? 0),
    0,
  )
  const faults = {
    'accepted, but not completed': [...accepted.keys()].filter((id) => rows.get(id)?.status !== 'completed')
      .length,
    'completed with another text': [...accepted].filter(([id, text]) => rows.get(id)?.text !== text).length,
    'files with missing or duplicate stretches': [...rows.values()].filter((row) => !isCovered(row, work))
      .length,
    'duplicate segments': countDuplicateSegments(await db.select().from(segments)),
    'retries beyond the spans in flight': Math.max(0, retried - interrupted),
    'orphaned files after the sweep': (await orphanedFiles(storage, rows)).size,
  }
  await close()
  await server.close()
  console.table({
    ...Object.fromEntries(Object.entries(killed).map(([name, count]) => [`kills: ${name}`, count])),
    'uploads accepted': accepted.size,
    'uploads interrupted or refused': refused,
    spans: work.length,
    'spans retried': retried,
    'spans in flight at kills, at most': interrupted,
    'orphaned files before the sweep': orphans.size,
    ...faults,
  })
  if (Object.values(faults).some((count) => count > 0)) process.exitCode = 1
})
