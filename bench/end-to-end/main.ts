// The whole service, from upload to text, beside faster-whisper in a process of its own with the same weights: one long mp3,
// and many clips at once.
//
//   bun bench/end-to-end/main.ts --python .venv/bin/python [--audio DIR] [--minutes 25] [--clips 64] [--runs 3]
//       [--only long|clips] [--postgres]
//
// python: one that has sidecar/requirements.txt and bench/requirements.txt
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openPglite } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { signUp } from '../../test/e2e/client.ts'
import { startService } from '../../test/e2e/service.ts'
import { installed } from '../../test/engines/installed-sidecar.ts'
import { type Defer, withClosing } from '../shared/cleanup.ts'
import { openServer } from '../shared/postgres.ts'
import { childrenOf } from '../shared/processes.ts'
import { bareSidecar } from './bare-sidecar.ts'
import { type Corpus, makeRecordings, openBaseline, wordErrors } from './python.ts'
import { comparisonOf, missed, plotOfStages, stagesTable } from './report.ts'
import { type Passage, pass } from './service.ts'
import { type Stages, stagesOf } from './stages.ts'
import { byTurns, type Run, type Subject } from './turns.ts'

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: '.venv/bin/python' },
    audio: { type: 'string' },
    minutes: { type: 'string', default: '25' },
    clips: { type: 'string', default: '64' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    postgres: { type: 'boolean', default: false },
  },
})
const PYTHON = resolve(values.python)
const RUNS = Number(values.runs)
const BATCHES = [8, 16]
const OUT = join(import.meta.dir, '../out')
const SERVICE = 'Verbatim'

/** The service as it comes, with the sidecar that it starts, or beside a Postgres. */
async function openService(folder: string, defer: Defer) {
  const server = values.postgres ? await openServer() : null
  if (server) defer(server.close)
  const dataDir = join(folder, 'data')
  const service = await startService({ DATA_DIR: dataDir, ...(server && { DATABASE_URL: server.url }) })
  defer(() => service.kill('SIGTERM'))
  await service.ready
  const [sidecar] = await childrenOf(service.pid)
  if (sidecar === undefined) throw new Error('the service has no sidecar')
  return {
    ...{ url: service.url, user: await signUp(service.url) },
    processes: { service: service.pid, sidecar },
    /** The embedded database can be opened once the service has ended. */
    async stages(passages: Passage[]): Promise<Stages[]> {
      await service.kill('SIGTERM')
      const opened = server
        ? await openPostgres({ url: server.url })
        : await openPglite({ dataDir: join(dataDir, 'postgres') })
      const found: Stages[] = []
      for (const passage of passages) found.push(await stagesOf(opened.db, passage))
      await opened.close()
      return found
    },
  }
}

await withClosing(async (defer) => {
  const load = loadavg()[0] ?? 0
  const folder = await mkdtemp(join(tmpdir(), 'bench-whole-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const { model } = await installed()
  const [minutes, clips] = [Number(values.minutes), Number(values.clips)]
  const corpora = await makeRecordings({ python: PYTHON, model, folder, audio: values.audio, minutes, clips })
  const chosen = corpora.filter(
    ({ name }) => !values.only || (values.only === 'clips') === (name === 'clips'),
  )

  const baseline = await openBaseline({ python: PYTHON, model, threads: availableParallelism() })
  defer(baseline.close)
  const bare = await bareSidecar()
  defer(bare.stop)
  const service = await openService(folder, defer)
  const passages = new Map<string, Passage[]>()

  function subjectsFor({ name, recordings }: Corpus): Subject[] {
    const files = recordings.map(({ file }) => file)
    const theirs = { 'faster-whisper': baseline.pid }
    const many = files.length > 1
    const kept: Passage[] = []
    passages.set(name, kept)
    return [
      {
        name: SERVICE,
        processes: service.processes,
        async work() {
          const passed = await Promise.all(files.map((file) => pass(service.url, service.user, file)))
          kept.push(...passed)
          return passed.map(({ text }) => text)
        },
      },
      { name: 'its sidecar alone', processes: { sidecar: bare.pid }, work: () => bare.transcribe(files) },
      ...BATCHES.map((batch) => ({
        name: `faster-whisper batched, ${batch}${many ? ', one after another' : ''}`,
        processes: theirs,
        work: () => baseline.batched(files, batch),
      })),
      ...(many
        ? [
            {
              name: 'faster-whisper, one after another',
              processes: theirs,
              work: () => baseline.sequential(files),
            },
          ]
        : []),
    ]
  }

  // What is used for the first time takes longer: on each side one clip that is not counted.
  const warm = corpora.find(({ name }) => name === 'clips')?.recordings[0]?.file
  if (warm === undefined) throw new Error('there are no clips')
  await pass(service.url, service.user, warm)
  await bare.transcribe([warm])
  await baseline.batched([warm], 8)

  const results: { corpus: Corpus; rounds: Run[][]; baseline: string; errors: Record<string, number> }[] = []
  for (const corpus of chosen) {
    const subjects = subjectsFor(corpus)
    const candidates = subjects.map(({ name }) => name).filter((name) => name.startsWith('faster-whisper'))
    const note = ({ subject, seconds }: Run) =>
      console.error(`${corpus.name}, ${subject}: ${seconds.toFixed(1)} s`)
    const turns = await byTurns({ subjects, candidates, runs: RUNS, note })
    const texts = corpus.recordings.map(({ text }) => text)
    const last = subjects.map(({ name }) => turns.rounds.flat().findLast(({ subject }) => subject === name))
    const heard = last.filter((run) => run !== undefined)
    const errors = await wordErrors(
      PYTHON,
      heard.map((run) => [texts, run.texts]),
    )
    results.push({
      corpus,
      ...turns,
      errors: Object.fromEntries(heard.map(({ subject }, index) => [subject, errors[index] ?? Number.NaN])),
    })
  }

  const long = chosen.filter(({ recordings }) => recordings.length === 1)
  const stages = await service.stages(long.flatMap(({ name }) => passages.get(name) ?? []))
  const ofEach = long.map(({ name }, index) => ({
    name,
    runs: stages.slice(index * RUNS, (index + 1) * RUNS),
  }))

  if (load > 0.25 * availableParallelism()) {
    console.log('**The machine was not quiet when this began: read no ratio from it.**\n')
  }
  console.log(comparisonOf(results))
  for (const { corpus } of results) console.log(`- ${corpus.about}`)
  if (ofEach.length > 0) console.log(`\n${stagesTable(ofEach)}`)
  const misses = missed(results, SERVICE)
  for (const miss of misses) console.log(`\n**Missed: ${miss}**`)
  if (misses.length > 0) process.exitCode = 1
  await mkdir(OUT, { recursive: true })
  await Bun.write(join(OUT, 'whole.json'), JSON.stringify({ values, load, results, stages: ofEach }, null, 1))
  await Bun.write(join(OUT, 'whole.svg'), plotOfStages({ results, stages: ofEach, service: SERVICE }))
})
