// An hour of all that clients do, on a service in several processes with a real sidecar and on one in a single process with the
// embedded database: does memory stay as it is, are descriptors closed, and is nothing lost or left behind? All of it is on
// the loopback. Takes a Postgres of its own (Debian: apt install postgresql).
//
//   bun bench/soak/main.ts [--minutes 60] [--clients 6] [--audio DIR] [--seed 1]
//
// clients: of the service in several processes; the other has half as many. Ctrl-C ends the load earlier.
import { appendFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { withFolder } from '../../test/e2e/service.ts'
import { randomFrom } from '../../test/seeded.ts'
import { ROOT } from '../../test/sidecar-dir.ts'
import { processSample } from '../shared/process-sample.ts'
import { remainderOf } from './audit.ts'
import type { World } from './client.ts'
import { countConnections } from './connections.ts'
import { allInOne, apart, type Deployment } from './deployments.ts'
import { flatnessOf, LEAST_MINUTES } from './flatness.ts'
import { type Host, openHost } from './host.ts'
import { openLedger } from './ledger.ts'
import { load, undisturbed } from './load.ts'
import { badFiles, clips, longs } from './recordings.ts'
import { plotted, tablesOf } from './report.ts'
import { deploymentSample, type Sample } from './sampling.ts'
import { openTally } from './tally.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '6' },
    audio: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const MINUTES = Number(values.minutes)
const CLIENTS = Number(values.clients)
const SEED = Number(values.seed)
const OUT = join(ROOT, 'bench', 'out')
const SAMPLE_MS = 10_000
const SCRAPE_MS = 15_000
const TOLD_MS = 60_000
/** Connections that nobody uses any more are closed after a minute. */
const CLOSED_MS = 120_000
const SETTLED_MS = 20_000
/** Minutes of the long recordings, beside one of two. */
const LONG = MINUTES < LEAST_MINUTES ? [5] : [8, 20]

type Place = { deployment: Deployment; world: World; host: Host; clients: number }

const ending = new AbortController()
process.on('SIGINT', () => ending.abort())
process.on('SIGTERM', () => ending.abort())

await mkdir(OUT, { recursive: true })
await rm(join(OUT, 'soak.jsonl'), { force: true })
await withFolder(async (folder) => {
  const recordings = {
    clips: await clips(values.audio),
    longs: await longs(folder, LONG),
    bad: await badFiles(SEED),
  }
  const deployments: Deployment[] = []
  try {
    deployments.push(await apart(folder))
    deployments.push(await allInOne(folder))
    await soak(
      deployments.map((deployment, index) => {
        const tally = openTally()
        const random = randomFrom(SEED)
        const host = openHost({ recordings: [...recordings.clips, ...recordings.longs], random, tally })
        const world = {
          ...{ ...recordings, url: deployment.url, tally, host, ledger: openLedger(), outcomes: new Map() },
          ...{ long: { isUnderWay: false }, ending: ending.signal },
        }
        return { deployment, world, host, clients: index === 0 ? CLIENTS : Math.ceil(CLIENTS / 2) }
      }),
    )
  } finally {
    await Promise.all(deployments.map((deployment) => deployment.stop().then(deployment.close)))
  }
})

async function soak(places: Place[]): Promise<void> {
  let stopping = false
  for (const { deployment, world } of places) {
    for (const { exited, pid } of deployment.services) {
      exited.then((code) => stopping || world.tally.fault('process ended', `${pid} with ${code}`))
    }
  }
  await Promise.all(places.map(({ world }) => undisturbed(world, SEED)))
  for (const { deployment, world } of places) {
    console.log(`undisturbed, ${deployment.name}:\n  ${[...world.outcomes].map(briefly).join('\n  ')}`)
  }
  await Bun.sleep(SETTLED_MS)
  const before = await descriptors(places)

  const began = Date.now()
  const samples: Sample[] = []
  const sampling = setInterval(async () => {
    const taken = await sample(places, began).catch((error) => console.error('no sample:', error))
    if (taken) samples.push(taken)
  }, SAMPLE_MS)
  const scraping = setInterval(() => places.map(scrape), SCRAPE_MS)
  const telling = setInterval(() => console.log(progress(places, began)), TOLD_MS)
  const timer = setTimeout(() => ending.abort(), MINUTES * 60_000)
  await Promise.all(places.map(({ world, clients }) => load(world, { clients, seed: SEED })))
  const minutes = (Date.now() - began) / 60_000
  for (const each of [sampling, scraping, telling, timer]) clearInterval(each)

  await Bun.sleep(SETTLED_MS)
  const options = { before, isLong: minutes >= LEAST_MINUTES }
  let after = await descriptors(places)
  for (const until = Date.now() + CLOSED_MS; Date.now() < until; after = await descriptors(places)) {
    if (flatnessOf(samples, { ...options, after }).every(({ isClosed }) => isClosed)) break
    await Bun.sleep(2000)
  }
  stopping = true
  await Promise.all(places.map(({ deployment }) => deployment.stop()))
  for (const { deployment, world } of places) {
    for (const { output } of deployment.services) {
      for (const line of output)
        if (/\b(failed|error)\b/i.test(line)) world.tally.fault('line in the log', line)
    }
  }
  const remainders = await Promise.all(
    places.map(async ({ deployment, world, host }) => {
      const remainder = await remainderOf(deployment, { ...world, host })
      host.close()
      return { name: deployment.name, remainder, tally: world.tally }
    }),
  )
  const flatness = flatnessOf(samples, { ...options, after })
  const tables = tablesOf({ minutes, flatness, deployments: remainders })
  console.log(tables)
  await Bun.write(join(OUT, 'soak.md'), tables)
  await Bun.write(join(OUT, 'soak.svg'), plotted(samples))
  if (!options.isLong) console.log(`Memory is not judged in less than ${LEAST_MINUTES} minutes.`)
  const isWell =
    flatness.every(({ isFlat, isClosed }) => isFlat && isClosed) &&
    remainders.every(
      ({ remainder, tally }) =>
        tally.faults.size === 0 && Object.values(remainder.faults).every((count) => count === 0),
    )
  console.log(isWell ? 'All is well.' : 'Something is not as it has to be.')
  if (!isWell) process.exitCode = 1
}

async function sample(places: Place[], began: number): Promise<Sample> {
  const found = {
    seconds: (Date.now() - began) / 1000,
    processes: await Promise.all(places.flatMap(({ deployment }) => deployment.processes).map(processSample)),
    deployments: await Promise.all(places.map(({ deployment }) => deploymentSample(deployment))),
  }
  await appendFile(join(OUT, 'soak.jsonl'), `${JSON.stringify(found)}\n`)
  return found
}

/** Without connections to the database: each pool opens as many as are asked for at once, up to its bound, and keeps them. */
async function descriptors(places: Place[]): Promise<Map<string, number>> {
  const found = places.flatMap(({ deployment: { processes, databaseUrl } }) =>
    processes.map(async (process): Promise<[string, number]> => {
      const port = Number(databaseUrl && new URL(databaseUrl).port)
      const [{ descriptors }, pids] = await Promise.all([processSample(process), process.pids()])
      return [process.name, descriptors - (await countConnections(pids, port))]
    }),
  )
  return new Map(await Promise.all(found))
}

async function scrape({ deployment, world }: Place): Promise<void> {
  for (const { url } of deployment.services) {
    for (const path of ['/metrics', '/health/ready']) {
      const answer = await fetch(`${url}${path}`).catch(() => null)
      world.tally.answered(`GET ${path} ${answer?.status}`)
      if (!answer?.ok) world.tally.fault('not ready', `${path}: ${answer?.status} ${await answer?.text()}`)
      else await answer.text()
    }
  }
}

function progress(places: Place[], began: number): string {
  const each = places.map(({ deployment, world }) => {
    const faults = [...world.tally.faults].map(([kind, { count }]) => `${count} × ${kind}`)
    return `${deployment.name}: ${world.ledger.entries.size} uploads, ${faults.join(', ') || 'no fault'}`
  })
  return `${Math.round((Date.now() - began) / 60_000)} minutes; ${each.join('; ')}`
}

function briefly([name, outcome]: [string, string]): string {
  const isLong = outcome.length > 80
  return `${name}: ${isLong ? `${outcome.slice(0, 80)}… (${outcome.length} letters)` : outcome}`
}
