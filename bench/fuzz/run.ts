import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from './case.ts'
import { DECOYS, layDecoys } from './decoys.ts'
import { createLedger, type Finding, type Ledger, type PlayedCase } from './ledger.ts'
import { listen } from './listener.ts'
import { playInProcess } from './process.ts'
import type { Job } from './protocol.ts'

const MAX_SECONDS = 120
const MAX_DEATHS = 10
/** A decoder's heap may take 256 MiB; the rest is what its Worker takes beside it. */
const BYTES_PER_DECODER = 320 * 2 ** 20

export type Fuzzed = {
  played: PlayedCase[]
  findings: Finding[]
  /** Resident memory of the process that plays: before the first case, behind the last, at most, and what it may be at most. */
  memory: { warmBytes: number; endBytes: number; peakBytes: number; limitBytes: number }
}

/**
 * Plays the samples as they are, then the cases `from` up to but not including `to`, in a process of their own that is
 * started again should it die, and gathers what must not happen. What it lays out is gone when it resolves.
 */
export async function runFuzz({
  corpus,
  seed,
  cases,
  concurrency = availableParallelism(),
  deadlines = { probeMs: 5_000, decodeMs: 10_000 },
  onPlayed,
}: {
  corpus: Sample[]
  seed: number
  cases: { from: number; to: number }
  concurrency?: number
  deadlines?: Job['deadlines']
  onPlayed?: (played: PlayedCase) => void
}): Promise<Fuzzed> {
  const home = await mkdtemp(join(tmpdir(), 'verbatim-fuzz-'))
  const ledger = createLedger({ onPlayed })
  const listener = await listen({ onConnection: () => ledger.blame('a connection was made') })
  try {
    const [samples, folder, cwd, tmp] = await lay(home)
    for (const { name, bytes } of corpus) await writeFile(join(samples, name), bytes)
    const names = corpus.map(({ name }) => name)
    const died = await playAll({
      ledger,
      job: {
        ...{ seed, corpus: { folder: samples, names }, folder, whole: names, cases },
        ...{ concurrency, deadlines, maxSeconds: MAX_SECONDS, port: listener.port },
      },
      places: { cwd, tmp },
    })
    await lookFor({ ledger, strangeIn: tmp, due: [] })
    await lookFor({ ledger, strangeIn: cwd, due: DECOYS })
    // One that died could not take away what it had laid out.
    if (!died) await lookFor({ ledger, strangeIn: folder, due: [] })
    const { warmBytes, endBytes, peakBytes } = ledger.memory
    const limitBytes = warmBytes + 2 * concurrency * BYTES_PER_DECODER
    if (peakBytes > limitBytes) ledger.findings.push({ what: `${peakBytes} bytes of memory`, cases: [] })
    return {
      played: ledger.played,
      findings: ledger.findings,
      memory: { warmBytes, endBytes, peakBytes, limitBytes },
    }
  } finally {
    listener.close()
    await rm(home, { recursive: true, force: true })
  }
}

async function lay(home: string) {
  const places = [join(home, 'corpus'), join(home, 'cases'), join(home, 'cwd'), join(home, 'tmp')] as const
  for (const place of places) await mkdir(place)
  await layDecoys(places[2])
  return places
}

/** Whether the process had to be started again. */
async function playAll({
  ledger,
  job,
  places,
}: {
  ledger: Ledger
  job: Job
  places: { cwd: string; tmp: string }
}): Promise<boolean> {
  let rest = job
  for (let deaths = 0; deaths < MAX_DEATHS; deaths++) {
    const ended = await playInProcess({
      ...{ job: rest, ...places },
      onLine: ledger.hear,
      onMemory: ledger.remember,
    })
    if (ended === null) return deaths > 0
    ledger.blame(ended)
    rest = { ...job, whole: [], cases: { ...job.cases, from: ledger.next(job.cases.from) } }
  }
  return true
}

async function lookFor({ ledger, strangeIn, due }: { ledger: Ledger; strangeIn: string; due: string[] }) {
  const strange = (await readdir(strangeIn)).filter((name) => !due.includes(name))
  if (strange.length > 0) ledger.findings.push({ what: `left behind: ${strange.join(', ')}`, cases: [] })
}
