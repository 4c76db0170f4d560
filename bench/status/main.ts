// Measures status reads per second: the service beside a bare Elysia route with the same prepared select. Needs Debian's
// postgresql.
//
//   bun bench/status/main.ts [--rows 1000000] [--runs 5] [--seconds 4] [--connections 16]
import { join } from 'node:path'
import postgres from 'postgres'
import { signUp } from '../../test/e2e/client.ts'
import { startService } from '../../test/e2e/service.ts'
import { temporaryFolder } from '../../test/media/recordings.ts'
import { type Defer, withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { openServer } from '../shared/postgres.ts'
import { cpuSeconds } from '../shared/processes.ts'
import {
  type Figure,
  figuresOf,
  measureRounds,
  ratioTo,
  reportTargets,
  roundsTable,
} from '../shared/rounds.ts'
import { runScript, startScriptServer } from '../shared/scripts.ts'
import { median, spread } from '../shared/tables.ts'
import type { Load, LoadResult } from './client.ts'

const options = readOptions({ rows: 1_000_000, runs: 5, seconds: 4, connections: 16 })
const SECRET = 'status-bench-status-bench-status-bench'
const BARE = 'bare: only the select'
const VERIFYING = 'bare, with the JWT verified'
const SERVICE = 'the service'
/** The share of the bare route's reads per second that the service must reach. */
const TARGET = 0.9
const WARM_UP_SHARE = 0.25
const MOST_PATHS = 50_000

type Subject = { origin: string; pid: number; prefix: string; token: string }
/** CPU times are microseconds per answer; `databaseCpu` is that of all Postgres processes. */
type Measured = LoadResult & { perSecond: number; serverCpu: number; databaseCpu: number; clientCpu: number }

async function measure(
  subject: Subject,
  ids: string[],
  databasePids: () => Promise<number[]>,
): Promise<Measured> {
  const { origin, token, prefix } = subject
  const paths = ids.map((id) => `${prefix}/transcriptions/${id}`)
  const request = (seconds: number) => {
    const input: Load = { origin, token, paths, connections: options.connections, seconds }
    return runScript<LoadResult>(join(import.meta.dir, 'client.ts'), { input })
  }
  await request(options.seconds * WARM_UP_SHARE)
  const pids = [subject.pid, ...(await databasePids())]
  const before = pids.map(cpuSeconds)
  const result = await request(options.seconds)
  // The difference is NaN for a process, such as an autovacuum worker, that has ended.
  const spent = pids.map((pid, at) => cpuSeconds(pid) - (before[at] ?? 0) || 0)
  const perAnswer = (seconds: number[]) => (seconds.reduce((sum, one) => sum + one, 0) / result.answers) * 1e6
  return {
    ...result,
    perSecond: result.answers / result.seconds,
    serverCpu: perAnswer(spent.slice(0, 1)),
    databaseCpu: perAnswer(spent.slice(1)),
    clientCpu: perAnswer([result.cpuSeconds]),
  }
}

/** Inserts completed transcriptions of one user, each with a text of 60 words; returns the ids of some of them. */
async function seed(url: string, userId: string): Promise<string[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  // Triggers are off.
  await client`set session_replication_role = replica`
  await client`
    insert into transcriptions (
      id, user_id, status, language, task, words, filename, codec, content_type, audio_bytes, audio_sha256,
      claimed_seconds, total_samples, work_samples, done_samples, text, created_at, completed_at
    )
    select
      gen_random_uuid(), ${userId}, 'completed', 'en', 'transcribe', false, 'recording' || n || '.mp3', 'mp3',
      'audio/mpeg', 400000, repeat('0', 64), 25, 400000, 400000, 400000, repeat('word' || n % 5000 || ' ', 60),
      now() - make_interval(secs => n), now()
    from generate_series(1, ${options.rows}::int) as n`
  await client`vacuum analyze`
  const rows = await client<{ id: string }[]>`
    select id from transcriptions order by random() limit ${MOST_PATHS}`
  await client.end()
  return rows.map(({ id }) => id)
}

async function openSubjects(databaseUrl: string, folder: string, defer: Defer) {
  const api = await startService({
    MODE: 'api',
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    JWT_SECRET: SECRET,
    SIDECAR_URL: 'http://127.0.0.1:9',
  })
  defer(() => api.kill('SIGKILL'))
  const { token, key, headers } = await signUp(api.url)
  const me = await fetch(`${api.url}/api/auth/me`, { headers })
  const { id: userId }: { id: string } = await me.json()
  const env = { DATABASE_URL: databaseUrl, JWT_SECRET: SECRET }
  const script = join(import.meta.dir, 'bare.ts')
  const bare = await startScriptServer(script, { env })
  defer(bare.kill)
  const verifying = await startScriptServer(script, { env, args: ['jose'] })
  defer(verifying.kill)
  const service = { origin: api.url, pid: api.pid, prefix: '/api' }
  const subjects: Record<string, Subject> = {
    [BARE]: { origin: bare.url, pid: bare.pid, prefix: `/users/${userId}`, token: '' },
    [VERIFYING]: { origin: verifying.url, pid: verifying.pid, prefix: '', token },
    [SERVICE]: { ...service, token },
    'the service, with an API key': { ...service, token: key },
  }
  return { userId, subjects }
}

await withCleanup(async (defer) => {
  const folder = await temporaryFolder()
  defer(() => folder[Symbol.asyncDispose]())
  const database = await openServer()
  defer(database.close)
  const { userId, subjects } = await openSubjects(database.url, folder.path, defer)
  const ids = await seed(database.url, userId)
  const rounds = await measureRounds({
    subjects: Object.fromEntries(
      Object.entries(subjects).map(([name, subject]) => [name, () => measure(subject, ids, database.pids)]),
    ),
    runs: options.runs,
    describe: ({ perSecond }) => `${perSecond.toFixed(0)} per second`,
  })
  const rate: Figure<Measured> = ({ perSecond }) => perSecond
  const time = (of: number) => ({
    figure: ({ percentiles }: Measured) => percentiles[of] ?? Number.NaN,
    digits: 2,
  })
  const columns = {
    'reads/s': { figure: rate, digits: 0 },
    'p50, ms': time(50),
    'p95, ms': time(95),
    'CPU, µs: server': { figure: (one: Measured) => one.serverCpu, digits: 0 },
    Postgres: { figure: (one: Measured) => one.databaseCpu, digits: 0 },
    client: { figure: (one: Measured) => one.clientCpu, digits: 0 },
    'of bare': { figure: ratioTo(BARE, rate), digits: 2 },
    'of bare with JWT': { figure: ratioTo(VERIFYING, rate), digits: 2 },
  }
  const { rows, runs, seconds } = options
  console.log(`${rows} rows, ${runs} rounds of ${seconds} s; medians with minimum and maximum\n`)
  console.log(roundsTable(rounds, columns))
  const ratios = figuresOf(rounds, SERVICE, ratioTo(BARE, rate))
  const text = `${spread(ratios, 2)} of the bare route's reads per second; at least ${TARGET}`
  reportTargets([{ text, isMet: median(ratios) >= TARGET }])
})
