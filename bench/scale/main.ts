// What the database, the queue and the API do when there is much of everything: a million transcriptions in the table, ten
// thousand queued, up to 64 workers. Decoder, storage and engine are simulated for the workers; the API, its uploads, the
// queue, every statement and Postgres itself (Debian: apt install postgresql) are real.
//
//   bun bench/scale/main.ts [--rows 1000000] [--queued 10000] [--workers 1,4,16,64] [--seconds 20] [--answer 1]
//   bun bench/scale/main.ts --quick                                  shows that it works
//   bun bench/scale/main.ts --database postgres://… --rows 0         one on this machine that was filled before, as it is
//
// seconds: of each measurement; answer: seconds that an engine's slot takes for a clip
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { withFolder } from '../../test/e2e/service.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { plotOf } from '../shared/plot.ts'
import { openClients } from './clients.ts'
import { measureCommits } from './commits.ts'
import { openPlace, type Place } from './environment.ts'
import { prepare, upload } from './fill.ts'
import { measureHot } from './query-costs.ts'
import { seed, sizes } from './seed.ts'
import {
  type Busy,
  busyTable,
  charts,
  commitsTable,
  hotTable,
  type Idle,
  idleTable,
  kindsTable,
  latencyTable,
  sizeTable,
} from './tables.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    queued: { type: 'string' },
    workers: { type: 'string' },
    seconds: { type: 'string' },
    answer: { type: 'string', default: '1' },
    database: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const ROWS = Number(values.rows ?? (values.quick ? 20_000 : 1_000_000))
const QUEUED = Number(values.queued ?? (values.quick ? 1_000 : 10_000))
const WORKERS = (values.workers ?? (values.quick ? '1,8' : '1,4,16,64')).split(',').map(Number)
const SECONDS = Number(values.seconds ?? (values.quick ? 5 : 20))
const ANSWER_MS = Number(values.answer) * 1000
const OUT = join(ROOT, 'bench/out')

const figures: Record<string, unknown> = { ROWS, QUEUED, SECONDS, ANSWER_MS }

async function say(title: string, table: string, raw: unknown) {
  figures[title] = raw
  console.log(`\n### ${title}\n\n${table}`)
  await mkdir(OUT, { recursive: true })
  await writeFile(join(OUT, 'scale.json'), JSON.stringify(figures, null, 2))
}

async function waiting({ queue }: Place): Promise<number> {
  return (await queue.backlogs()).find(({ name }) => name === 'clip')?.waiting ?? 0
}

async function fill(place: Place) {
  const { url } = place
  const count = QUEUED - (await waiting(place))
  if (count <= 0) return null
  const uploadsPerSecond = await upload({ url, count })
  return { count, uploadsPerSecond, preparedPerSecond: await prepare({ url, count }) }
}

async function measure(place: Place) {
  const { url, db, sql, fleetOf, observe } = place
  const began = performance.now()
  if (ROWS > 0) await seed(url, ROWS)
  const seconds = (performance.now() - began) / 1000
  await say('The database', sizeTable(await sizes(sql)), { seconds })

  const commits = await measureCommits(url, SECONDS / 4)
  await say('Small transactions, of 32 connections at a time', commitsTable(commits), commits)

  const idle: Idle[] = []
  for (const workers of [0, ...WORKERS]) {
    idle.push(await fleetOf(workers, async () => ({ workers, observed: await observe(SECONDS) })))
  }
  await say('Workers that have nothing to do', idleTable(idle), idle)

  const clip = Bun.file(join(ROOT, 'test/fixtures/speech.wav'))
  const clients = await openClients({ url: place.api, db, clip })
  const ask = () => clients.ask(AbortSignal.timeout(SECONDS * 1000))
  const alone = await fleetOf(WORKERS.at(-1) ?? 1, ask)
  const filled = await fill(place)
  await say('Filling the queue', JSON.stringify(filled), filled)
  const hot = await measureHot({ ...place, userId: clients.userId })
  await say('What is asked of a full database', hotTable(hot), hot)

  const busy: Busy[] = []
  for (const workers of WORKERS) {
    await fill(place)
    const one = await fleetOf(workers, async (cpuSeconds) => {
      const cpu = cpuSeconds()
      const [since] = await sql<{ now: Date }[]>`select now()`
      const [observed, latencies] = await Promise.all([observe(SECONDS), ask()])
      const workerCpuSeconds = cpuSeconds() - cpu
      const left = await waiting(place)
      const from = since?.now ?? new Date()
      const [done] = await sql<{ count: number }[]>`
        select count(*)::int from spans where state = 'done' and finished_at >= ${from}
          and finished_at < ${from}::timestamptz + make_interval(secs => ${observed.seconds})`
      const slots = workers * SIDECAR_LIMITS.clipConcurrency
      return { workers, slots, spans: done?.count ?? 0, left, observed, latencies, workerCpuSeconds }
    })
    busy.push({ ...one, answerMs: ANSWER_MS })
  }
  await say('Workers that have enough to do', busyTable(busy), busy)
  const most = busy.at(-1)
  if (most) await say('What a span costs the database', kindsTable(most), null)
  await say('Clients meanwhile', latencyTable({ alone, busy }), { alone })
  await writeFile(join(OUT, 'scale.svg'), plotOf(charts({ idle, busy })))
}

const interrupted = Promise.withResolvers<never>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interrupted.reject(new Error(`ended by ${signal}`)))
}
await withFolder(async (folder) => {
  await using place = await openPlace({ given: values.database, folder, answerMs: ANSWER_MS })
  await Promise.race([measure(place), interrupted.promise])
})
process.exit()
