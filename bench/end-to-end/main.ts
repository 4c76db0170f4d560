// Compares the whole service, from upload to text, with faster-whisper on the same weights: one long mp3, many
// clips at once, and one clip.
//
//   bun bench/end-to-end/main.ts --python .venv/bin/python [--audio DIR] [--minutes 25] [--clips 64] [--runs 3]
//       [--quality balanced] [--only long|clips|one]
//
// python: a Python with sidecar/requirements.txt and bench/requirements.txt
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { installed } from '../../test/engines/installed-sidecar.ts'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { OUT } from '../shared/paths.ts'
import { cpuSeconds } from '../shared/processes.ts'
import { figuresOf, measureRounds, type Round, ratioTo, reportTargets } from '../shared/rounds.ts'
import { markdownTable, median, spread } from '../shared/tables.ts'
import { type Corpus, makeRecordings, openBaseline, wordErrorRates } from './python.ts'
import { openService } from './service.ts'

const options = readOptions({
  python: '.venv/bin/python',
  audio: '',
  minutes: 25,
  clips: 64,
  runs: 3,
  quality: 'balanced',
  only: '',
})
const python = resolve(options.python)
const BATCH_SIZES = [8, 16]
const MP3_BYTES_PER_SECOND = 16_000
const SERVICE = 'Verbatim'
const SEQUENTIAL = 'faster-whisper, sequential'
/**
 * The share of the baseline's time that the service may take. The baseline of a long file is the fastest variant of
 * faster-whisper, and that of clips is `WhisperModel.transcribe`.
 */
const TARGETS: Record<string, Record<Kind, number>> = {
  balanced: { long: 0.55, clips: 1 / 5.5, one: 0.4 },
  fast: { long: 0.42, clips: 1 / 7, one: 0.33 },
}

type Kind = 'long' | 'clips' | 'one'

type Measured = { seconds: number; cpu: Record<string, number>; texts: string[] }
type Subjects = Record<string, () => Promise<Measured>>

const kindOf = ({ name }: Corpus): Kind => (name === 'clips' || name === 'one' ? name : 'long')

/** The shortest of the clips. */
function oneOf({ recordings }: Corpus): Corpus {
  const [shortest] = recordings.toSorted((a, b) => Bun.file(a.file).size - Bun.file(b.file).size)
  if (!shortest) throw new Error('there are no clips')
  const seconds = Bun.file(shortest.file).size / MP3_BYTES_PER_SECOND
  return {
    name: 'one',
    about: `The shortest clip: ${seconds.toFixed(1)} s.`,
    seconds,
    recordings: [shortest],
  }
}

async function measure(processes: Record<string, number>, work: () => Promise<string[]>): Promise<Measured> {
  const before = Object.values(processes).map(cpuSeconds)
  const start = performance.now()
  const texts = await work()
  const seconds = (performance.now() - start) / 1000
  const cpu = Object.entries(processes).map(([name, pid], at) => [name, cpuSeconds(pid) - (before[at] ?? 0)])
  return { texts, seconds, cpu: Object.fromEntries(cpu) }
}

const isBaseline = (name: string) => name.startsWith('faster-whisper')
const seconds = (measured: Measured) => measured.seconds

/** In the first round, all variants of faster-whisper run; only the fastest is measured in the others. */
async function compare(subjects: Subjects) {
  const describe = (measured: Measured) => `${measured.seconds.toFixed(1)} s`
  const rounds = await measureRounds({ subjects, runs: 1, describe })
  const variants = Object.entries(rounds[0] ?? {}).filter(([name]) => isBaseline(name))
  const baseline = variants.toSorted(([, a], [, b]) => a.seconds - b.seconds)[0]?.[0] ?? ''
  const rest = Object.entries(subjects).filter(([name]) => name === baseline || !isBaseline(name))
  const more = { subjects: Object.fromEntries(rest), runs: options.runs - 1, describe }
  return { baseline, rounds: [...rounds, ...(await measureRounds(more))] }
}

async function rowsOf(corpus: Corpus, rounds: Round<Measured>[], baseline: string) {
  const references = corpus.recordings.map(({ text }) => text)
  const names = Object.keys(rounds[0] ?? {})
  const errors = await wordErrorRates(
    python,
    names.map((name) => [references, rounds.findLast((round) => round[name])?.[name]?.texts ?? []]),
  )
  return names.map((name, index) => {
    const times = figuresOf(rounds, name, seconds)
    const cpu = Object.keys(rounds[0]?.[name]?.cpu ?? {}).map((process) => {
      const used = figuresOf(rounds, name, (measured) => measured.cpu[process] ?? Number.NaN)
      return `${process} ${median(used).toFixed(1)}`
    })
    return [
      `${corpus.name}: ${name}`,
      spread(times, 1),
      (corpus.seconds / median(times)).toFixed(0),
      name === baseline ? 'baseline' : spread(figuresOf(rounds, name, ratioTo(baseline, seconds)), 2),
      errors[index]?.toFixed(1) ?? '',
      cpu.join(', '),
    ]
  })
}

await withCleanup(async (defer) => {
  const load = loadavg()[0] ?? 0
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-end-to-end-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const { model } = await installed()
  const { audio, minutes, clips, only } = options
  const made = await makeRecordings({ python, model, folder, audio, minutes, clips })
  const corpora = [...made, ...made.filter(({ name }) => name === 'clips').map(oneOf)]
  const baseline = await openBaseline({ python, model, threads: availableParallelism() })
  defer(baseline.close)
  const service = await openService(join(folder, 'data'), { quality: options.quality }, defer)

  function subjectsFor(corpus: Corpus): Subjects {
    const files = corpus.recordings.map(({ file }) => file)
    const measureBaseline = (work: () => Promise<string[]>) => () =>
      measure({ 'faster-whisper': baseline.pid }, work)
    return {
      [SERVICE]: () => measure(service.processes, () => Promise.all(files.map(service.transcribe))),
      ...(kindOf(corpus) === 'long'
        ? Object.fromEntries(
            BATCH_SIZES.map((size) => [
              `faster-whisper, batches of ${size}`,
              measureBaseline(() => baseline.batched(files, size)),
            ]),
          )
        : { [SEQUENTIAL]: measureBaseline(() => baseline.sequential(files)) }),
    }
  }

  // First uses are slower, so each side transcribes one clip before the measurement.
  const clip = corpora.find(({ name }) => name === 'clips')?.recordings[0]?.file
  if (clip === undefined) throw new Error('there are no clips')
  await Promise.all([service.transcribe(clip), baseline.batched([clip], 8)])

  const rows: string[][] = []
  const results: Record<string, unknown> = {}
  const targets: { text: string; isMet: boolean }[] = []
  for (const corpus of corpora.filter((corpus) => !only || only === kindOf(corpus))) {
    const { baseline, rounds } = await compare(subjectsFor(corpus))
    results[corpus.name] = { corpus, baseline, rounds }
    rows.push(...(await rowsOf(corpus, rounds, baseline)))
    console.log(`- ${corpus.about}`)
    const target = TARGETS[options.quality]?.[kindOf(corpus)]
    if (target === undefined) continue
    const ratio = median(figuresOf(rounds, SERVICE, ratioTo(baseline, seconds)))
    const text = `${corpus.name}: ${ratio.toFixed(2)} of the baseline's time; at most ${target.toFixed(2)}`
    targets.push({ text, isMet: ratio <= target })
  }
  const head = ['audio and subject', 'seconds', '× real time', "of the baseline's time", 'WER %', 'CPU s']
  console.log(`\n${markdownTable(head, rows)}\n`)
  if (load > 0.25 * availableParallelism()) {
    console.log('**The machine was busy at the start: the ratios are unreliable.**\n')
  }
  reportTargets(targets)
  await Bun.write(join(OUT, 'end-to-end.json'), JSON.stringify({ options, load, results }, null, 1))
})
