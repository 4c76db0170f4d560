// A long mp3 and a large wav through probe and decode, each in a process of its own: wall time and peak resident memory.
//
//   bun bench/decode/main.ts [--hours 3] [--gb 2.5] [--dir FOLDER]      of the mp3; of the wav (44.1 kHz stereo)
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeMp3, writeWav } from '../shared/recordings.ts'
import type { Cost } from './decode.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '3' },
    gb: { type: 'string', default: '2.5' },
    dir: { type: 'string', default: tmpdir() },
  },
})

async function costOf(path: string): Promise<Cost> {
  const script = join(import.meta.dir, 'decode.ts')
  const child = Bun.spawn([process.execPath, script, path], { stdout: 'pipe', stderr: 'inherit' })
  const said = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${path} was not decoded`)
  return JSON.parse(said)
}

const folder = await mkdtemp(join(values.dir, 'verbatim-media-'))
try {
  const recordings: [name: string, make: (path: string) => Promise<void>][] = [
    ['mp3', (path) => writeMp3(path, Number(values.hours) * 3600)],
    ['wav', (path) => writeWav(path, Number(values.gb) * 1e9)],
  ]
  console.log('| | MB | hours | probe, ms | decode, s | × real time | peak RSS, MB |')
  console.log(`| --- |${' ---: |'.repeat(6)}`)
  for (const [name, make] of recordings) {
    const path = join(folder, name)
    await make(path)
    const { size } = await stat(path)
    const { probeMs, decodeMs, seconds, peakBytes } = await costOf(path)
    const cells = [
      (size / 1e6).toFixed(0),
      (seconds / 3600).toFixed(2),
      probeMs.toFixed(0),
      (decodeMs / 1000).toFixed(1),
      (seconds / (decodeMs / 1000)).toFixed(0),
      (peakBytes / 1e6).toFixed(0),
    ]
    console.log(`| ${[name, ...cells].join(' | ')} |`)
    await rm(path)
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
