// What each process of the service takes: memory, descriptors and threads when it has just started, at rest, under load and
// after it; and how long it takes to start. Linux; the part on Postgres takes Debian's postgresql.
//
//   bun bench/memory.ts [--rest 60] [--minutes 20] [--clips 64] [--uploads 8] [--mb 20] [--starts 3]
//       [--only embedded|postgres]
//
// rest: seconds after a start; half as many after each load. mb: of each of the uploads, which are wavs
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { signUp } from '../test/e2e/client.ts'
import { fixture } from '../test/media/recordings.ts'
import { withClosing } from './closing.ts'
import { spread, tableOf } from './figures.ts'
import { writeMp3, writeWav } from './media/recordings.ts'
import { type Deployment, embedded, onPostgres, type Start } from './memory/deployments.ts'
import { createSampler, type Point, type Row } from './memory/sampler.ts'
import { plotOf } from './plot.ts'

const { values } = parseArgs({
  options: {
    rest: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '20' },
    clips: { type: 'string', default: '64' },
    uploads: { type: 'string', default: '8' },
    mb: { type: 'string', default: '20' },
    starts: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
})
const REST_MS = Number(values.rest) * 1000
const OUT = join(import.meta.dir, 'out')
const WAYS = { embedded, postgres: onPostgres }

type Audio = { wav: string; mp3: string }

async function watched(
  deployment: Deployment,
  { wav, mp3 }: Audio,
): Promise<{ rows: Row[]; points: Point[] }> {
  const user = await signUp(deployment.url)
  const sampler = createSampler(deployment)
  const through = async (path: string) => {
    const { status, failure } = await user.finished(await user.upload(Bun.file(path), { language: 'en' }))
    if (status !== 'completed') throw new Error(failure?.error ?? status)
  }
  const together = (count: string, path: string) => () =>
    Promise.all(Array.from({ length: Number(count) }, () => through(path)))
  const loads: Record<string, () => Promise<unknown>> = {
    [`${values.uploads} uploads of ${values.mb} MB at once`]: together(values.uploads, wav),
    [`one mp3 of ${values.minutes} minutes`]: () => through(mp3),
    [`${values.clips} clips at once`]: together(values.clips, fixture('speech.mp3')),
  }
  const note = (what: string) =>
    console.error(`${Object.keys(sampler.rows[0]?.processes ?? {}).join(', ')}: ${what}`)
  await sampler.now('when it has just become ready')
  await sampler.rest(REST_MS)
  await sampler.now(`${REST_MS / 1000} s later`)
  for (const [name, load] of Object.entries(loads)) {
    note(name)
    await sampler.during(`${name}, at most`, load)
    await sampler.rest(REST_MS / 2)
    await sampler.now(`${REST_MS / 2000} s later`)
  }
  return sampler
}

function memoryTable(rows: Row[]): string {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)
  const names = Object.keys(rows[0]?.processes ?? {})
  return names
    .map((name) =>
      tableOf(
        [name, 'resident, MB', 'proportional, MB', 'descriptors', 'threads'],
        rows.map(({ moment, processes }) => {
          const { resident = 0, proportional = 0, descriptors = 0, threads = 0 } = processes[name] ?? {}
          return [moment, megabytes(resident), megabytes(proportional), String(descriptors), String(threads)]
        }),
      ),
    )
    .join('\n\n')
}

function startTable(first: Start[], next: Start[]): string {
  const kinds = new Map(
    first.map(({ process, database }) => [`${process}, ${database}`, { process, database }]),
  )
  const row = (name: string, starts: Start[]) => [
    name,
    spread(
      starts.map(({ listening }) => listening),
      2,
    ),
    spread(
      starts.map(({ ready }) => ready),
      2,
    ),
    String(starts.length),
  ]
  return tableOf(
    ['start', 'until it listens, s', 'until /health/ready is 200, s', 'runs'],
    [...kinds].flatMap(([name, { process, database }]) => {
      const own = (starts: Start[]) =>
        starts.filter((start) => start.process === process && start.database === database)
      return [row(`${name}, the first`, own(first)), row(`${name}, the next`, own(next))]
    }),
  )
}

await withClosing(async (defer) => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-memory-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const audio = { wav: join(folder, 'recording.wav'), mp3: join(folder, 'recording.mp3') }
  await writeWav(audio.wav, Number(values.mb) * 1e6)
  await writeMp3(audio.mp3, Number(values.minutes) * 60)
  const [first, next]: [Start[], Start[]] = [[], []]
  const results: Record<string, { rows: Row[]; points: Point[] }> = {}
  for (const [name, open] of Object.entries(WAYS)) {
    if (values.only && values.only !== name) continue
    for (let number = 0; number < Number(values.starts); number++) {
      const start = await open(await mkdtemp(join(folder, 'deployment-')), defer)
      const one = await start()
      first.push(...one.starts)
      const isLast = number === Number(values.starts) - 1
      if (isLast) results[`${name}, first start`] = await watched(one, audio)
      await one.stop()
      const other = await start()
      next.push(...other.starts)
      if (isLast) results[`${name}, next start`] = await watched(other, audio)
      await other.stop()
    }
  }
  console.log(startTable(first, next))
  for (const [name, { rows }] of Object.entries(results)) console.log(`\n### ${name}\n\n${memoryTable(rows)}`)
  const charts = Object.entries(results).map(([title, { points }]) => ({
    ...{ title, x: 'seconds since it was ready', y: 'resident memory, MB' },
    lines: Object.keys(points[0]?.processes ?? {}).map((name) => ({
      name,
      points: points.map(({ seconds, processes }) => ({
        x: seconds,
        y: (processes[name]?.resident ?? 0) / 1e6,
      })),
    })),
  }))
  await mkdir(OUT, { recursive: true })
  await Bun.write(join(OUT, 'memory.json'), JSON.stringify({ values, first, next, results }))
  await Bun.write(join(OUT, 'memory.svg'), plotOf(charts))
})
