import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { linesOf } from '../../src/engines/local-sidecar/lines.ts'
import { residentBytes } from '../shared/processes.ts'
import type { Sample } from './cases.ts'
import { DECOYS, listen, writeDecoys } from './decoys.ts'
import type { Played } from './play.ts'
import type { Job, Line } from './player.ts'

const MAX_SECONDS = 120
/** A decoder's heap may take 256 MiB; the rest is for its Worker. */
const BYTES_PER_DECODER = 320 * 2 ** 20
const SAMPLE_EVERY_MS = 20

export type PlayedCase = Played & { index: number }

/** `cases`: the cases that may have caused it; empty if it was none of them. */
type Finding = { text: string; cases: number[] }

export type Fuzzed = {
  played: PlayedCase[]
  findings: Finding[]
  /** The resident memory of the player: before the first case, at its peak, and at most. */
  memory: { warmBytes: number; peakBytes: number; limitBytes: number }
}

/** Plays the undamaged samples, then the cases, in another process, and collects the findings. */
export async function runFuzz({
  corpus,
  seed,
  cases,
  concurrency = availableParallelism(),
  deadlines = { probeMs: 5_000, decodeMs: 10_000 },
  onPlayed = () => {},
}: {
  corpus: Sample[]
  seed: number
  /** `to` is excluded. */
  cases: Job['cases']
  concurrency?: number
  deadlines?: Job['deadlines']
  onPlayed?: (played: PlayedCase) => void
}): Promise<Fuzzed> {
  const home = await mkdtemp(join(tmpdir(), 'verbatim-fuzz-'))
  const places = { samples: join(home, 'corpus'), cases: join(home, 'cases') }
  const surroundings = { cwd: join(home, 'cwd'), tmp: join(home, 'tmp') }
  const played: PlayedCase[] = []
  const findings: Finding[] = []
  const inProgress = new Set<number>()
  const find = (text: string, cases = [...inProgress]) => findings.push({ text, cases })
  const memory = { warmBytes: 0, peakBytes: 0 }

  function handle(line: Line, pid: number) {
    if (line.kind === 'warm') memory.warmBytes = residentBytes(pid)
    else if (line.kind === 'started') inProgress.add(line.index)
    else if (line.kind === 'undamaged') {
      const { name, outcome } = line
      if (outcome !== (name.startsWith('silent.') ? 'no_audio_track' : 'decoded')) {
        find(`${name}, undamaged: ${outcome}`, [])
      }
      for (const text of line.findings) find(`${name}, undamaged: ${text}`, [])
    } else if (line.kind === 'ended') {
      inProgress.delete(line.index)
      for (const text of line.findings) find(text, [line.index])
      played.push(line)
      onPlayed(line)
    } else for (const path of line.open) find(`still open: ${path}`, [])
  }

  const listener = await listen({ onConnection: () => find('a connection was made') })
  try {
    for (const path of Object.values({ ...places, ...surroundings })) await mkdir(path)
    await writeDecoys(surroundings.cwd)
    for (const { name, bytes } of corpus) await writeFile(join(places.samples, name), bytes)
    const names = corpus.map(({ name }) => name)
    const limits = { concurrency, deadlines, maxSeconds: MAX_SECONDS, port: listener.port }
    const job: Job = {
      seed,
      corpus: { folder: places.samples, names },
      folder: places.cases,
      cases,
      ...limits,
    }
    const death = await runPlayer(job, { ...surroundings, memory, handle })
    if (death) find(`the process died: ${death}`)
    for (const path of [surroundings.tmp, surroundings.cwd, places.cases]) {
      // A process that died could not remove the folders of its cases.
      if (death && path === places.cases) continue
      const strange = (await readdir(path)).filter(
        (name) => path !== surroundings.cwd || !DECOYS.includes(name),
      )
      if (strange.length > 0) find(`left behind: ${strange.join(', ')}`, [])
    }
    const limitBytes = memory.warmBytes + 2 * concurrency * BYTES_PER_DECODER
    if (memory.peakBytes > limitBytes) find(`${memory.peakBytes} bytes of memory`, [])
    return { played, findings, memory: { ...memory, limitBytes } }
  } finally {
    listener.close()
    await rm(home, { recursive: true, force: true })
  }
}

/** Returns how the process died, or null. */
async function runPlayer(
  job: Job,
  {
    cwd,
    tmp,
    memory,
    handle,
  }: { cwd: string; tmp: string; memory: { peakBytes: number }; handle: (line: Line, pid: number) => void },
): Promise<string | null> {
  const player = Bun.spawn([process.execPath, join(import.meta.dir, 'player.ts'), JSON.stringify(job)], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: tmp },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const sampling = setInterval(() => {
    memory.peakBytes = Math.max(memory.peakBytes, residentBytes(player.pid))
  }, SAMPLE_EVERY_MS)
  try {
    for await (const line of linesOf(player.stdout)) handle(JSON.parse(line), player.pid)
    const code = await player.exited
    return code === 0 ? null : String(player.signalCode ?? code)
  } finally {
    clearInterval(sampling)
    player.kill('SIGKILL')
    await player.exited
  }
}
