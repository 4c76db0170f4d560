// How fast a transcription's status is read: the service beside a bare Elysia route with the same prepared select, and with
// a few transcriptions in the table and with many. Takes a Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/status/main.ts [--rows 1000000] [--few 1000] [--runs 5] [--seconds 4] [--connections 16]
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { plotOf } from '../shared/plot.ts'
import { openServer } from '../shared/postgres.ts'
import { measure } from './measure.ts'
import { seed } from './seed.ts'
import { listTargets, logIn, register, startApi, startBare, statusTargets, type Target } from './subjects.ts'
import { BARE, type Round, SERVICE, SERVICE_WITH_MANY, tableOf, VERIFYING, verdicts } from './table.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    few: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '16' },
    users: { type: 'string', default: '20' },
  },
})
const MANY = Number(values.rows)
const FEW = Number(values.few)
const RUNS = Number(values.runs)
const USERS = Number(values.users)
const OUT = join(import.meta.dir, '../out')

type Subject = {
  server: { origin: string; pid: number }
  /** One for each user; none where none is asked for. */
  tokens: () => Promise<string[]>
  targets: Target[]
}

const made = new AsyncDisposableStack()
const stopping = new AbortController()
let closing: Promise<void> | undefined
const close = () => (closing ??= made.disposeAsync())
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopping.abort()
    close()
  })
}
try {
  await run()
} catch (error) {
  if (!stopping.signal.aborted) throw error
} finally {
  await close()
}
if (stopping.signal.aborted) process.exit(130)

async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-status-'))
  made.defer(() => rm(folder, { recursive: true, force: true }))
  const database = await openServer()
  made.defer(() => database.close())
  const few = await found({ url: await created(database.url, 'few'), folder: join(folder, 'few'), rows: FEW })
  const many = await found({
    url: await created(database.url, 'many'),
    folder: join(folder, 'many'),
    rows: MANY,
  })
  const limited = await kept(startApi({ url: few.url, folder: few.folder, limited: true }))
  const bare = await kept(startBare({ url: few.url, jose: false }))
  const verifying = await kept(startBare({ url: few.url, jose: true }))

  const pathWithin = (path: string) => path.replace('/api', '')
  const bareTargets = few.over.map(({ id, userId, user }) => ({
    path: `/users/${userId}/transcriptions/${id}`,
    user,
  }))
  const verifiedTargets = few.over.map(({ path, user }) => ({ path: pathWithin(path), user }))
  const lists = listTargets({ users: many.users, rows: MANY })
  const own = { server: few.server, tokens: few.tokens, targets: few.over }
  const statuses: Record<string, Subject> = {
    [BARE]: { server: bare, tokens: async () => [], targets: bareTargets },
    [VERIFYING]: { server: verifying, tokens: few.tokens, targets: verifiedTargets },
    [SERVICE]: own,
    'the service, with an API key': { ...own, tokens: async () => few.users.map(({ key }) => key) },
    'the service, of one under way': { ...own, targets: few.open },
    'the service, requests counted': { ...own, server: limited },
    [SERVICE_WITH_MANY]: { ...many, targets: many.over },
  }
  const pages: Record<string, Subject> = {
    'first page': { ...many, targets: lists.all },
    'with a common word': { ...many, targets: lists.common },
    'with a rare word': { ...many, targets: lists.rare },
  }

  const subjects = { ...statuses, ...pages }
  const rounds: Round[] = []
  for (let turn = 0; turn < RUNS; turn += 1) {
    rounds.push(await round({ subjects, turn, databasePids: database.pids }))
  }
  await mkdir(OUT, { recursive: true })
  await Bun.write(join(OUT, 'status.json'), JSON.stringify({ ...values, rounds }, null, 2))
  await Bun.write(join(OUT, 'status.svg'), plot(rounds, Object.keys(statuses)))
  console.log(
    `${values.connections} connections, ${RUNS} rounds of ${values.seconds} s each; medians, least to most in brackets\n`,
  )
  console.log(tableOf({ rounds, names: Object.keys(statuses), besideBare: true }))
  console.log(`\nLists of one of ${USERS} users with ${MANY} transcriptions:\n`)
  console.log(tableOf({ rounds, names: Object.keys(pages), besideBare: false }))
  console.log('')
  for (const { said, isMet } of verdicts(rounds)) {
    console.log(`${isMet ? 'met' : 'MISSED'}: ${said}`)
    if (!isMet) process.exitCode = 1
  }
}

/** All subjects by turns, another one first in each round. */
async function round({
  subjects,
  turn,
  databasePids,
}: {
  subjects: Record<string, Subject>
  turn: number
  databasePids: () => Promise<number[]>
}): Promise<Round> {
  const entries = Object.entries(subjects)
  const ordered = entries.map((_, index) => entries[(index + turn) % entries.length] ?? entries[0])
  const round: Round = {}
  for (const entry of ordered) {
    if (!entry) continue
    const [name, { server, tokens, targets }] = entry
    const load = {
      origin: server.origin,
      tokens: await tokens(),
      targets: targets.map(({ path, user }): [string, number] => [path, user]),
      connections: Number(values.connections),
      seconds: Number(values.seconds),
    }
    const measured = await measure({ load, serverPid: server.pid, databasePids, signal: stopping.signal })
    round[name] = measured
    console.error(`round ${turn + 1}: ${name}: ${measured.perSecond.toFixed(0)} a second`)
  }
  return round
}

/** An API with users and transcriptions of its own. */
async function found(place: { url: string; folder: string; rows: number }) {
  const server = await kept(startApi(place))
  const users = await register(server.origin, USERS)
  const client = postgres(place.url, { max: 1, onnotice: () => {} })
  const begun = performance.now()
  await seed({ client, rows: place.rows })
  console.error(`${place.rows} transcriptions in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  const over = await statusTargets({ client, users })
  const open = await statusTargets({ client, users, open: true })
  await client.end()
  return { ...place, server, users, over, open, tokens: () => logIn(server.origin, users) }
}

/** Whatever it was started for, it is killed at the end. */
async function kept<Server extends { kill(signal: 'SIGKILL'): Promise<unknown>; pid: number }>(
  starting: Promise<Server & ({ url: string } | { origin: string })>,
): Promise<{ origin: string; pid: number }> {
  const server = await starting
  made.defer(async () => void (await server.kill('SIGKILL')))
  return { origin: 'origin' in server ? server.origin : server.url, pid: server.pid }
}

async function created(url: string, name: string): Promise<string> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  await client.unsafe(`create database ${name} encoding 'UTF8' locale 'C.UTF-8' template template0`)
  await client.end()
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

function plot(rounds: Round[], names: string[]): string {
  const lines = (pointsOf: (name: string) => { x: number; y: number }[]) =>
    names.map((name) => ({ name, points: pointsOf(name) }))
  const last = rounds.at(-1)
  return plotOf([
    {
      title: 'Status reads',
      x: 'round',
      y: 'reads a second',
      lines: lines((name) =>
        rounds.map((round, index) => ({ x: index + 1, y: round[name]?.perSecond ?? Number.NaN })),
      ),
    },
    {
      title: 'Time to the answer, of the last round',
      x: 'percent of the answers that come within',
      y: 'milliseconds',
      lines: lines((name) => last?.[name]?.percentiles.map((y, x) => ({ x, y })) ?? []),
    },
  ])
}
