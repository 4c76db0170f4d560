// Runs an hour of mixed load on a service, and checks that its memory and descriptors do not grow and that no
// data is lost or left behind. Needs Debian's postgresql, unless --embedded.
//
//   bun bench/soak/main.ts [--minutes 60] [--clients 6] [--embedded] [--seed 1]
//
// embedded: one process with the embedded database and a simulated sidecar, instead of an API, two workers, a
// Postgres and a real sidecar. Ctrl-C ends the load early.
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/recordings.ts'
import { randomFrom } from '../../test/support/seeded.ts'
import type { Defer } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { OUT } from '../shared/paths.ts'
import * as actions from './actions.ts'
import { audit } from './audit.ts'
import { enter, openClient, pick, type World } from './client.ts'
import { type Deployment, openEmbedded, openSeparate } from './deployments.ts'
import * as disconnects from './disconnects.ts'
import { makeRecordings } from './recordings.ts'
import { growthOf, growthTable, LEAST_MINUTES, type Sample, takeSample } from './samples.ts'

const options = readOptions({ minutes: 60, clients: 6, embedded: false, seed: 1 })
const PAUSE_MS = 1500
const SAMPLE_MS = 10_000
const SETTLE_MS = 20_000
/** Idle connections are closed after a minute. */
const CLOSED_MS = 120_000
/** The problems that are printed; `out/soak.json` has all. */
const MOST_PROBLEMS = 50
const LONG_MINUTES = options.minutes < LEAST_MINUTES ? [5] : [8, 20]

/** How often each action occurs relative to the others. */
const MIX: [weight: number, action: actions.Action][] = [
  [30, actions.clip],
  [5, actions.long],
  [10, actions.bad],
  [7, actions.cancel],
  [4, actions.removeOpen],
  [8, actions.readAll],
  [5, actions.openai],
  [8, disconnects.duringUpload],
  [8, disconnects.duringTranscription],
  [4, disconnects.duringPlayback],
  [2, disconnects.duringOpenai],
]

const ending = new AbortController()
process.on('SIGINT', () => ending.abort())
process.on('SIGTERM', () => ending.abort())

const ACTIONS = MIX.flatMap(([weight, action]) => Array.from({ length: weight }, () => action))

async function runClient(world: World, index: number): Promise<void> {
  const client = await openClient(world, randomFrom(options.seed * 1000 + index))
  while (!ending.signal.aborted) {
    const act = pick(client, ACTIONS)
    await act(client).catch((error) => world.problems.push(`${act.name}: ${error}`))
    await Bun.sleep(PAUSE_MS * (0.5 + client.random()))
  }
}

/** Runs all clients until the time is up; returns a sample every 10 s. */
async function load(deployment: Deployment, world: World): Promise<Sample[]> {
  const start = Date.now()
  const samples: Sample[] = []
  const sampling = setInterval(async () => {
    samples.push(await takeSample(deployment, (Date.now() - start) / 1000))
    for (const { url } of deployment.services) {
      const answer = await fetch(`${url}/health/ready`).catch(() => null)
      if (!answer?.ok) world.problems.push(`not ready: ${answer?.status} ${await answer?.text()}`)
    }
    if (samples.length % 6 === 0) console.log(`${samples.length / 6} minutes, ${world.entries.size} uploads`)
  }, SAMPLE_MS)
  const timer = setTimeout(() => ending.abort(), options.minutes * 60_000)
  await Promise.all(Array.from({ length: options.clients }, (_, index) => runClient(world, index)))
  clearInterval(sampling)
  clearTimeout(timer)
  return samples
}

async function soak(deployment: Deployment, world: World): Promise<void> {
  const { problems } = world
  // Without other load, each recording has its expected outcome.
  const client = await openClient(world, randomFrom(options.seed))
  for (const recording of world.recordings) {
    if (!ending.signal.aborted) await actions.transcribe(client, enter(client, recording, 'kept'))
  }
  await Bun.sleep(SETTLE_MS)
  const before = await takeSample(deployment, 0)
  let isStopping = false
  for (const { exited, pid } of deployment.services) {
    exited.then((code) => isStopping || problems.push(`process ${pid} ended with ${code}`))
  }
  const samples = await load(deployment, world)
  await Bun.sleep(SETTLE_MS)
  let growth = growthOf(samples, [before, await takeSample(deployment, 0)])
  for (
    const deadline = Date.now() + CLOSED_MS;
    Date.now() < deadline && growth.some(({ isClosed }) => !isClosed);
  ) {
    await Bun.sleep(2000)
    growth = growthOf(samples, [before, await takeSample(deployment, 0)])
  }
  isStopping = true
  await Promise.all(deployment.services.map((service) => service.kill('SIGTERM')))
  for (const line of deployment.services.flatMap(({ output }) => output)) {
    if (/\b(failed|error)\b/i.test(line)) problems.push(`in the log: ${line}`)
  }
  const faults = await audit(deployment, world)
  console.log(`\n${world.requests.count} requests, ${world.entries.size} uploads\n\n${growthTable(growth)}\n`)
  console.table(faults)
  console.log(`${problems.length} problems\n${problems.slice(0, MOST_PROBLEMS).join('\n')}`)
  const { count: requests } = world.requests
  await Bun.write(
    join(OUT, 'soak.json'),
    JSON.stringify({ options, requests, samples, growth, faults, problems }),
  )
  const isStable = growth.every(({ isFlat, isClosed }) => isFlat && isClosed)
  if (!isStable || problems.length > 0 || Object.values(faults).some((count) => count > 0))
    process.exitCode = 1
}

await using stack = new AsyncDisposableStack()
const defer: Defer = (close) => stack.defer(async () => void (await close()))
const folder = stack.use(await temporaryFolder())
const recordings = await makeRecordings(folder.path, LONG_MINUTES)
const deployment = await (options.embedded ? openEmbedded : openSeparate)(folder.path, defer)
await soak(deployment, {
  url: deployment.url,
  problems: [],
  requests: { count: 0 },
  recordings,
  entries: new Map(),
  outcomes: new Map(),
  long: { isBusy: false },
})
