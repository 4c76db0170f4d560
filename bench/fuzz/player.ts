// Plays cases in one process, as many at once as a busy service has, and says so line by line; run.ts starts it.
import { writeSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { chanceOf } from '../shared/chance.ts'
import { bytesOf, type Sample } from './case.ts'
import { linksTo } from './decoys.ts'
import { type Played, play } from './play.ts'
import type { Job, Line } from './protocol.ts'

const SLACK_MS = 5_000

const job: Job = JSON.parse(process.argv[2] ?? '')
const { seed, concurrency, deadlines, maxSeconds, port } = job

// Written at once: what a process that dies was doing must be known.
const say = (line: Line) => writeSync(1, `${JSON.stringify(line)}\n`)

const corpus: Sample[] = await Promise.all(
  job.corpus.names.map(async (name) => ({ name, bytes: await readFile(join(job.corpus.folder, name)) })),
)
const media = ffmpegMedia({ concurrency, timeouts: deadlines })
// A case may have to let two others go first, on each of its two ways.
const withinMs = 2 * (deadlines.probeMs + deadlines.decodeMs) + SLACK_MS

const playIn = (folder: string, bytes: Uint8Array, split = false): Promise<Played> =>
  play({ media, folder, bytes, split, maxSeconds, withinMs })

async function playWhole(name: string) {
  const bytes = corpus.find((sample) => sample.name === name)?.bytes ?? new Uint8Array()
  say({ kind: 'whole', name, ...(await playIn(join(job.folder, `whole-${name}`), bytes)) })
}

async function playCase(index: number) {
  const folder = join(job.folder, `case-${String(index).padStart(8, '0')}`)
  const bytes = bytesOf({ seed, index, corpus, links: linksTo({ folder, port }) })
  // A draw of its own: it must not depend on what the damage drew.
  const split = chanceOf(~seed, index).below(3) === 0
  say({ kind: 'started', index })
  say({ kind: 'ended', index, ...(await playIn(folder, bytes, split)) })
}

async function together<T>(all: Iterator<T>, each: (one: T) => Promise<void>) {
  const runner = async () => {
    for (let next = all.next(); !next.done; next = all.next()) await each(next.value)
  }
  await Promise.all(Array.from({ length: 2 * concurrency }, runner))
}

function* numbers({ from, to }: { from: number; to: number }) {
  for (let index = from; index < to; index++) yield index
}

async function heldOpen(): Promise<string[]> {
  const held = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(held.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(job.folder))
}

await together(job.whole.values(), playWhole)
say({ kind: 'warm' })
await together(numbers(job.cases), playCase)
say({ kind: 'done', open: await heldOpen() })
await media.close()
