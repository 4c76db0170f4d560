// Everything killed with −9 again and again, under a steady load of uploads: is each that was accepted completed, with the
// right text, and nothing left behind? Takes a Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/chaos/main.ts [--kills 200] [--every 2000] [--uploads 1500] [--seed 1]
//
// every, uploads: milliseconds from one kill, and from one upload, to the next, on average
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openPostgres } from '../../src/db/postgres.ts'
import { segments, spans, transcriptions } from '../../src/db/schema.ts'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { wavOf } from '../../src/media/wav.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { signUp } from '../../test/e2e/client.ts'
import { freePort, withFolder } from '../../test/e2e/service.ts'
import { randomFrom } from '../../test/seeded.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { sweepAll } from '../../test/transcriptions/sweeping.ts'
import { countToldTwice, isCovered, storedOfNone } from '../shared/integrity.ts'
import { openServer } from '../shared/postgres.ts'
import { childrenOf, kept } from '../shared/processes.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    every: { type: 'string', default: '2000' },
    uploads: { type: 'string', default: '1500' },
    seed: { type: 'string', default: '1' },
  },
})
const KILLS = Number(values.kills)
const EVERY_MS = Number(values.every)
const UPLOAD_EVERY_MS = Number(values.uploads)
const WORKERS = 2
/** How many spans one kill may cost: what a worker, or a sidecar, has in flight; a database what all have. */
const IN_FLIGHT = SIDECAR_LIMITS.concurrency + SIDECAR_LIMITS.clipConcurrency
const COSTS: Record<string, number> = {
  api: 0,
  worker: IN_FLIGHT,
  sidecar: IN_FLIGHT,
  postgres: IN_FLIGHT * WORKERS,
}
const random = randomFrom(Number(values.seed))

/** The fixture's speech once, and six times with pauses: short files, and ones of some length. */
async function recordings(): Promise<Blob[]> {
  const pcm = (await readFile(join(ROOT, 'test/fixtures/speech.wav'))).subarray(44)
  const once = new Uint8Array(pcm.length + 32_000)
  once.set(pcm)
  const long = new Uint8Array(once.length * 6)
  for (let at = 0; at < long.length; at += once.length) long.set(once, at)
  return [new Blob([wavOf(pcm)]), new Blob([wavOf(long)])]
}

await withFolder(async (folder) => {
  const server = await openServer()
  const apiPort = freePort()
  const env = {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: server.url,
    // Two sidecars on one machine: a core each.
    CPU_WORKERS: '1',
  }
  const api = kept({ ...env, MODE: 'api', PORT: String(apiPort) })
  const workers = Array.from({ length: WORKERS }, () => kept({ ...env, MODE: 'worker' }))
  const url = `http://127.0.0.1:${apiPort}`
  const health = () =>
    fetch(`${url}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await health())) await Bun.sleep(100)

  const user = await signUp(url)
  const audio = await recordings()
  const expected: (string | null)[] = []
  for (const one of audio) expected.push((await user.finished(await user.upload(one))).transcription)
  console.log(`undisturbed: ${expected.map((text) => `${text?.length} characters`).join(', ')}`)

  const accepted = new Map<string, number>()
  let refused = 0
  let loading = true
  const load = (async () => {
    for (let count = 0; loading; count++) {
      const kind = count % 5 === 4 ? 1 : 0
      const one = audio[kind]
      if (!one) throw new Error('no recording')
      await user.upload(one).then(
        (id) => accepted.set(id, kind),
        () => {
          refused += 1
        },
      )
      await Bun.sleep(UPLOAD_EVERY_MS * (0.5 + random()))
    }
  })()

  const killed: Record<string, number> = {}
  const victims: [name: string, kill: () => Promise<boolean>][] = [
    ['api', async () => slay(api.pid())],
    ...workers.map((worker): [string, () => Promise<boolean>] => ['worker', async () => slay(worker.pid())]),
    ...workers.map((worker): [string, () => Promise<boolean>] => [
      'sidecar',
      async () => slay((await childrenOf(worker.pid() ?? -1)).at(-1)),
    ]),
    ['postgres', () => server.kill().then(() => true)],
  ]
  for (let kills = 0; kills < KILLS; ) {
    await Bun.sleep(EVERY_MS * (0.5 + random()))
    const [name, kill] = victims[Math.floor(random() * victims.length)] ?? []
    if (!name || !kill || !(await kill())) continue
    kills += 1
    killed[name] = (killed[name] ?? 0) + 1
    if (kills % 20 === 0)
      console.log(`${kills} kills, ${accepted.size} uploads accepted, ${refused} broken off`)
  }
  loading = false
  await load

  const { db, close } = await openPostgres({ url: server.url })
  const isOver = (status: string) => status === 'completed' || status === 'failed' || status === 'canceled'
  let rows = await db.select().from(transcriptions)
  for (
    const deadline = Date.now() + 600_000;
    !rows.every(({ status }) => isOver(status)) && Date.now() < deadline;
  ) {
    await Bun.sleep(500)
    rows = await db.select().from(transcriptions)
  }
  const known = new Map(rows.map((row) => [row.id, row]))
  const lost = [...accepted.keys()].filter((id) => known.get(id)?.status !== 'completed')
  const wrong = [...accepted].filter(([id, kind]) => known.get(id)?.text !== expected[kind])
  const work = await db.select().from(spans)
  const uneven = rows.filter((row) => !isCovered(row, work))
  const told = await db.select({ spanId: segments.spanId, position: segments.position }).from(segments)
  const toldTwice = countToldTwice(told)
  const again = work.reduce((sum, { attempt }) => sum + attempt - 1, 0)
  const most = Object.entries(killed).reduce((sum, [name, count]) => sum + count * (COSTS[name] ?? 0), 0)
  await Promise.all([api.stop(), ...workers.map((worker) => worker.stop())])
  const storage = await diskStorage({ root: env.DATA_DIR })
  const orphans = await storedOfNone(storage, known)
  // As if it all were older than a day.
  await sweepAll({ db, storage, log: console.log }, new Date(Date.now() + 60_000))
  const unswept = await storedOfNone(storage, known)
  await close()
  await server.close()

  console.table({
    kills: KILLS,
    ...Object.fromEntries(Object.entries(killed).map(([name, count]) => [`  of ${name}`, count])),
    'uploads accepted': accepted.size,
    'uploads broken off, or refused': refused,
    'rows in all': rows.length,
    'accepted and not completed': lost.length,
    'accepted with another text': wrong.length,
    spans: work.length,
    'files with a stretch that is missing, or done twice': uneven.length,
    'segments told twice': toldTwice,
    'spans taken up again': again,
    'spans that were in flight, at most': most,
    'stored, and in no row': orphans.size,
    'of them left by the sweep': unswept.size,
  })
  for (const [id, kind] of wrong.slice(0, 3)) {
    console.log({
      id,
      expected: expected[kind],
      got: known.get(id)?.text,
      error: known.get(id)?.errorMessage,
    })
  }
  const faults = [
    lost.length,
    wrong.length,
    uneven.length,
    toldTwice,
    Math.max(0, again - most),
    unswept.size,
  ]
  if (faults.some((count) => count > 0)) process.exitCode = 1
})

async function slay(pid: number | undefined): Promise<boolean> {
  if (pid === undefined) return false
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}
