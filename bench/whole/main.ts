// Measures short clips through the whole service: processor time of each process, statements and decoding
// batches for each clip; one clip without other load, and beside long files; all processes without a request.
//
//   bun bench/whole/main.ts [--database embedded|postgres] [--manifest FILE] [--clips 64] [--runs 1]
//       [--quality balanced] [--only clips,alone,beside,poll,idle] [--idle 60] [--statements]

import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { longRecording } from '../../test/e2e/recording.ts'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { OUT } from '../shared/paths.ts'
import { markdownTable, median, spread } from '../shared/tables.ts'
import { type Clip, readClips } from './clips.ts'
import { type DatabaseName, type Deployment, type Measured, openDeployment } from './deployment.ts'
import { decodeClips, openDirect } from './direct.ts'

const options = readOptions({
  database: '',
  manifest: '',
  clips: 64,
  runs: 1,
  quality: 'balanced',
  only: '',
  idle: 60,
  statements: false,
})
const DATABASES: DatabaseName[] = ['embedded', 'postgres']
const ALONE_TIMES = 5
const BESIDE = [1, 4]
const LONG_REPEATS = 74
const POLLS = 500
/** The work that follows a response, such as the removal of files, has ended by then. */
const SETTLE_MS = 1_500
/** By then, Bun has compiled the code of the start and collected its garbage. */
const REST_SETTLE_MS = 120_000

/** The rows of the table, by name. */
type Figures = Record<string, string>

const isWanted = (section: string) => !options.only || options.only.split(',').includes(section)
const perClip = (measured: Measured[], value: (one: Measured) => number, digits: number) =>
  spread(
    measured.map((one) => value(one) / options.clips),
    digits,
  )
const milliseconds = (name: keyof Measured['cpu']) => (one: Measured) => 1000 * one.cpu[name]
const processes = ({ cpu }: Measured) => cpu.service + cpu.postgres
/** NaN on the embedded database, which does not count them. */
const calls = ({ statements }: Measured) =>
  statements?.reduce((sum, { calls }) => sum + calls, 0) ?? Number.NaN

async function transcribe(deployment: Deployment, clip: Clip) {
  await deployment.completed(await deployment.upload(clip))
}

/** All clips at once through the service, and the same clips sent to its sidecar. */
async function measureClips(deployment: Deployment, clips: Clip[]): Promise<Figures> {
  const { quality } = options
  const decoded = await decodeClips(clips)
  const direct = await openDirect(deployment.sidecarUrl, { clips: decoded, quality })
  const throughService = () =>
    deployment.measure(async () => {
      await Promise.all(clips.map((clip) => transcribe(deployment, clip)))
      await Bun.sleep(SETTLE_MS)
    })
  const first = await throughService()
  const whole: Measured[] = []
  const alone: Measured[] = []
  for (let run = 0; run < options.runs; run++) {
    whole.push(await throughService())
    alone.push(await deployment.measure(() => direct.transcribeAll()))
  }
  await direct.close()
  if (options.statements) printStatements(whole)
  const ratios = whole.map((one, run) => one.cpu.sidecar / (alone[run]?.cpu.sidecar ?? Number.NaN))
  return {
    'clips at once, seconds': spread(
      whole.map(({ seconds }) => seconds - SETTLE_MS / 1000),
      1,
    ),
    'clips per second': spread(
      whole.map(({ seconds }) => options.clips / (seconds - SETTLE_MS / 1000)),
      2,
    ),
    'service, CPU ms a clip': perClip(whole, milliseconds('service'), 0),
    'Postgres, CPU ms a clip': perClip(whole, milliseconds('postgres'), 0),
    'sidecar, CPU ms a clip': perClip(whole, milliseconds('sidecar'), 0),
    'service and Postgres, of the sidecar’s CPU': spread(
      whole.map((one) => processes(one) / one.cpu.sidecar),
      3,
    ),
    'the same for the first clips after the start': (processes(first) / first.cpu.sidecar).toFixed(3),
    'windows in a decoding batch': spread(
      whole.map(({ meanBatch }) => meanBatch),
      2,
    ),
    'statements a clip': perClip(whole, calls, 1),
    'sent directly, seconds': spread(
      alone.map(({ seconds }) => seconds),
      1,
    ),
    'sent directly, windows in a batch': spread(
      alone.map(({ meanBatch }) => meanBatch),
      2,
    ),
    'sidecar’s CPU, of that when sent directly': spread(ratios, 2),
  }
}

function printStatements(measured: Measured[]) {
  for (const { query, calls } of measured.at(-1)?.statements ?? []) {
    if (calls < options.clips / 8) continue
    console.log(`${(calls / options.clips).toFixed(2)}\t${query.replaceAll(/\s+/g, ' ').slice(0, 400)}`)
  }
}

async function secondsOfClip(deployment: Deployment, clip: Clip): Promise<number> {
  const start = performance.now()
  await transcribe(deployment, clip)
  return (performance.now() - start) / 1000
}

async function secondsOfClips(deployment: Deployment, clip: Clip): Promise<number[]> {
  const seconds: number[] = []
  for (let time = 0; time < ALONE_TIMES; time++) seconds.push(await secondsOfClip(deployment, clip))
  return seconds
}

/** One clip after the other, without other load and beside long files. */
async function measureLone(deployment: Deployment, clip: Clip): Promise<Figures> {
  const alone = await secondsOfClips(deployment, clip)
  const figures: Figures = { 'a clip of 3 s without other load, seconds': spread(alone, 2) }
  for (const count of isWanted('beside') ? BESIDE : []) {
    const audio = await longRecording(LONG_REPEATS)
    const ids = await Promise.all(
      Array.from({ length: count }, () => deployment.upload({ audio, language: 'en' })),
    )
    while ((await deployment.status(ids[0] ?? '')).progress === 0) await Bun.sleep(100)
    const beside = await secondsOfClips(deployment, clip)
    for (const id of ids) await deployment.remove(id)
    figures[`the same clip beside ${count} long files, of its time without other load`] = spread(
      beside.map((seconds) => seconds / median(alone)),
      2,
    )
    await Bun.sleep(SETTLE_MS)
  }
  return figures
}

/** What it costs to read the status of an open transcription. */
async function measurePolls(deployment: Deployment): Promise<Figures> {
  const id = await deployment.upload({ audio: await longRecording(LONG_REPEATS), language: 'en' })
  while ((await deployment.status(id)).progress === 0) await Bun.sleep(100)
  const idle = await deployment.measure(() => Bun.sleep(SETTLE_MS))
  const polls = await deployment.measure(async () => {
    for (let poll = 0; poll < POLLS; poll++) await deployment.status(id)
  })
  await deployment.remove(id)
  const share = polls.seconds / idle.seconds
  const of = (value: (one: Measured) => number) => (value(polls) - share * value(idle)) / POLLS
  return {
    'status of an open transcription, CPU ms': (1000 * of(processes)).toFixed(2),
    'status of an open transcription, statements': of(calls).toFixed(2),
  }
}

async function measureRest(deployment: Deployment): Promise<Figures> {
  await Bun.sleep(REST_SETTLE_MS)
  const { cpu, seconds, statements } = await deployment.measure(() => Bun.sleep(1000 * options.idle))
  if (options.statements) {
    for (const { query, calls } of statements ?? []) console.log(`idle ${calls}\t${query.slice(0, 200)}`)
  }
  const percent = (value: number) => ((100 * value) / seconds).toFixed(2)
  return {
    'at rest: service, % of a core': percent(cpu.service),
    'at rest: Postgres': percent(cpu.postgres),
    'at rest: sidecar': percent(cpu.sidecar),
    'at rest: statements a second': (calls({ statements, cpu, seconds, meanBatch: 0 }) / seconds).toFixed(2),
  }
}

async function measureAll(database: DatabaseName, clips: Clip[]): Promise<Figures> {
  let figures: Figures = {}
  await withCleanup(async (defer) => {
    const folder = await mkdtemp(join(tmpdir(), 'verbatim-whole-'))
    defer(() => rm(folder, { recursive: true, force: true }))
    const deployment = await openDeployment({ database, folder, quality: options.quality }, defer)
    const shortest = clips.toSorted((a, b) => a.seconds - b.seconds)[0]
    if (!shortest) throw new Error('there are no clips')
    // First uses are slower.
    for (let time = 0; time < 3; time++) await transcribe(deployment, shortest)
    figures = {
      ...(isWanted('clips') && (await measureClips(deployment, clips))),
      ...(isWanted('alone') && (await measureLone(deployment, shortest))),
      ...(isWanted('poll') && (await measurePolls(deployment))),
      ...(isWanted('idle') && (await measureRest(deployment))),
    }
  })
  return figures
}

const load = loadavg()[0] ?? 0
const clips = await readClips({ manifest: options.manifest, count: options.clips })
const databases = DATABASES.filter((name) => !options.database || options.database === name)
const figures = new Map<DatabaseName, Figures>()
for (const database of databases) figures.set(database, await measureAll(database, clips))
const names = Object.keys(figures.values().next().value ?? {})
const rows = names.map((name) => [name, ...databases.map((database) => figures.get(database)?.[name] ?? '')])
console.log(
  `\n${options.clips} clips of 3 to 14 s, quality ${options.quality}, load ${load.toFixed(1)} at the start\n`,
)
console.log(markdownTable(['', ...databases], rows))
await Bun.write(join(OUT, 'whole.json'), JSON.stringify({ options, load, figures: [...figures] }, null, 1))
