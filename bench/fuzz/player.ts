// Plays cases in one process, as many at once as a busy service does, and prints a line of JSON for each;
// run.ts starts it.
import { writeSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { chanceOf } from '../shared/chance.ts'
import { bytesOf, type Sample } from './cases.ts'
import { linksTo } from './decoys.ts'
import { type Played, play } from './play.ts'

/** The first argument, as JSON. */
export type Job = {
  seed: number
  /** The folder of the samples, and their names in the order of the corpus. */
  corpus: { folder: string; names: string[] }
  /** Each case gets a folder in this one. */
  folder: string
  cases: { from: number; to: number }
  /** The number of decoders; twice as many cases run at once. */
  concurrency: number
  deadlines: { probeMs: number; decodeMs: number }
  maxSeconds: number
  /** The port of 127.0.0.1 that links name. */
  port: number
}

export type Line =
  | ({ kind: 'undamaged'; name: string } & Played)
  /** All undamaged samples were played. */
  | { kind: 'warm' }
  | { kind: 'started'; index: number }
  | ({ kind: 'ended'; index: number } & Played)
  /** `open`: the files in its folder that the process still holds open. */
  | { kind: 'done'; open: string[] }

const SLACK_MS = 5_000

const job: Job = JSON.parse(process.argv[2] ?? '')
const { seed, concurrency, deadlines, maxSeconds, port } = job

// Written synchronously, so that the lines of a process that dies are complete.
const print = (line: Line) => writeSync(1, `${JSON.stringify(line)}\n`)

const corpus: Sample[] = await Promise.all(
  job.corpus.names.map(async (name) => ({ name, bytes: await readFile(join(job.corpus.folder, name)) })),
)
const media = ffmpegMedia({ concurrency, timeouts: deadlines })
// A case may wait for two others, both to be probed and to be decoded.
const withinMs = 2 * (deadlines.probeMs + deadlines.decodeMs) + SLACK_MS

async function playSample({ name, bytes }: Sample) {
  const folder = join(job.folder, `undamaged-${name}`)
  print({ kind: 'undamaged', name, ...(await play({ media, folder, bytes, maxSeconds, withinMs })) })
}

async function playCase(index: number) {
  const folder = join(job.folder, `case-${String(index).padStart(8, '0')}`)
  const bytes = bytesOf({ seed, index, corpus, links: linksTo({ folder, port }) })
  // Drawn separately from the damage.
  const split = chanceOf(~seed, index).below(3) === 0
  print({ kind: 'started', index })
  print({ kind: 'ended', index, ...(await play({ media, folder, bytes, split, maxSeconds, withinMs })) })
}

async function inParallel<T>(items: Iterator<T>, run: (item: T) => Promise<void>) {
  const runner = async () => {
    for (let next = items.next(); !next.done; next = items.next()) await run(next.value)
  }
  await Promise.all(Array.from({ length: 2 * concurrency }, runner))
}

function* indices({ from, to }: { from: number; to: number }) {
  for (let index = from; index < to; index++) yield index
}

async function openFiles(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(job.folder))
}

await inParallel(corpus.values(), playSample)
print({ kind: 'warm' })
await inParallel(indices(job.cases), playCase)
print({ kind: 'done', open: await openFiles() })
await media.close()
