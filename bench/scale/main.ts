// Measures the database, the queue and the API with a million transcriptions in the table, ten thousand
// queued clips and up to 64 workers. The workers' decoder, storage and engine are simulated; the rest is
// real. Needs Debian's postgresql.
//
//   bun bench/scale/main.ts [--rows 1000000] [--queued 10000] [--workers 1,4,16,64] [--seconds 20] [--answer 1]
//   bun bench/scale/main.ts --rows 20000 --queued 1000 --workers 1,8 --seconds 5        a short run
//   bun bench/scale/main.ts --database postgres://… --rows 0       a filled database on this machine, as it is
//
// seconds: of each measurement; answer: seconds that an engine takes per clip
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { SIDECAR_LIMITS } from '../../src/engines/sidecar/sidecar.ts'
import { temporaryFolder } from '../../test/support/recordings.ts'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { OUT } from '../shared/paths.ts'
import { type Latencies, openClients } from './clients.ts'
import { measureCommits } from './commits.ts'
import { type Environment, openEnvironment } from './environment.ts'
import { prepare, upload } from './fill.ts'
import { plotSvg } from './plot.ts'
import { measureQueries } from './query-costs.ts'
import {
  type Busy,
  busyTable,
  charts,
  type Idle,
  idleTable,
  latencyTable,
  queriesTable,
  sizesTable,
  statementsTable,
} from './report.ts'
import { seed } from './seed.ts'

const options = readOptions({
  rows: 1_000_000,
  queued: 10_000,
  workers: '1,4,16,64',
  seconds: 20,
  answer: 1,
  database: '',
})
const WORKERS = options.workers.split(',').map(Number)
const figures: Record<string, unknown> = { options }

async function report(title: string, text: string, data: unknown) {
  figures[title] = data
  console.log(`\n### ${title}\n\n${text}`)
  await Bun.write(join(OUT, 'scale.json'), JSON.stringify(figures, null, 2))
}

async function countWaiting({ queue }: Environment): Promise<number> {
  return (await queue.backlogs()).find(({ name }) => name === 'clip')?.waiting ?? 0
}

/** Uploads and prepares clips until the queue has as many as the options say. */
async function fillQueue(environment: Environment): Promise<string> {
  const { url } = environment
  const count = options.queued - (await countWaiting(environment))
  if (count <= 0) return 'The queue is full.'
  const uploads = await upload({ url, count })
  const prepared = await prepare({ url, count })
  return `${count} clips: ${uploads.toFixed(0)} uploads per second, ${prepared.toFixed(0)} prepared per second`
}

/** The spans finished in the seconds after `start`. */
async function countFinished(sql: Sql, start: Date, seconds: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int from spans where state = 'done' and finished_at >= ${start}
      and finished_at < ${start}::timestamptz + make_interval(secs => ${seconds})`
  return row?.count ?? 0
}

async function measureBusy(
  environment: Environment,
  { workers, requests }: { workers: number; requests: () => Promise<Latencies> },
): Promise<Busy> {
  const { sql, observe, withWorkers } = environment
  await fillQueue(environment)
  return withWorkers(workers, async (workerCpuSeconds) => {
    const cpuBefore = workerCpuSeconds()
    const [row] = await sql<{ now: Date }[]>`select now()`
    const [observed, latencies] = await Promise.all([observe(options.seconds), requests()])
    const slots = workers * SIDECAR_LIMITS.clipConcurrency
    return {
      workers,
      observed,
      latencies,
      slots,
      ideal: slots / options.answer,
      spans: await countFinished(sql, row?.now ?? new Date(), observed.seconds),
      left: await countWaiting(environment),
      workerCpuSeconds: workerCpuSeconds() - cpuBefore,
    }
  })
}

async function measure(environment: Environment) {
  const { url, db, sql, queue, observe, withWorkers } = environment
  if (options.rows > 0) await seed(url, options.rows)
  await report('Database size', await sizesTable(sql), null)

  const commits = await measureCommits(url, options.seconds / 4)
  const rates = commits.map(([name, rate]) => `- ${name}: ${rate.toFixed(0)} per second`)
  await report('Small transactions on 32 connections', rates.join('\n'), commits)

  const idle: Idle[] = []
  for (const workers of [0, ...WORKERS]) {
    idle.push(await withWorkers(workers, async () => ({ workers, observed: await observe(options.seconds) })))
  }
  await report('Idle workers', idleTable(idle), idle)

  const clients = await openClients(environment.api, db)
  const requests = () => clients.run(AbortSignal.timeout(options.seconds * 1000))
  const unloaded = await withWorkers(WORKERS.at(-1) ?? 1, requests)
  await report('Filling the queue', await fillQueue(environment), null)
  const costs = await measureQueries(sql, { db, queue, userId: clients.userId })
  await report('Costs of repeated queries', queriesTable(costs), costs)

  const busy: Busy[] = []
  for (const workers of WORKERS) busy.push(await measureBusy(environment, { workers, requests }))
  await report('Busy workers', busyTable(busy), busy)
  const last = busy.at(-1)
  if (last) await report('Statements per span', statementsTable(last), null)
  await report('Latencies', latencyTable({ unloaded, busy }), { unloaded })
  await Bun.write(join(OUT, 'scale.svg'), plotSvg(charts({ idle, busy })))
}

await withCleanup(async (defer) => {
  const folder = await temporaryFolder()
  defer(() => folder[Symbol.asyncDispose]())
  const { database: databaseUrl, answer } = options
  await measure(await openEnvironment({ databaseUrl, folder: folder.path, answerMs: answer * 1000 }, defer))
})
process.exit()
