// Measures the time and the peak memory of probing and decoding a long mp3 and a large wav.
//
//   bun bench/decode/main.ts [--hours 3] [--gb 2.5] [--dir FOLDER]      hours: of the mp3; gb: of the wav
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { writeMp3, writeWav } from '../shared/recordings.ts'
import { runScript } from '../shared/scripts.ts'
import { markdownTable } from '../shared/tables.ts'
import type { Cost } from './measure.ts'

const { hours, gb, dir } = readOptions({ hours: 3, gb: 2.5, dir: tmpdir() })

await withCleanup(async (defer) => {
  const folder = await mkdtemp(join(dir, 'verbatim-decode-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const rows: (string | number)[][] = []
  for (const name of ['mp3', 'wav']) {
    const path = join(folder, name)
    await (name === 'mp3' ? writeMp3(path, hours * 3600) : writeWav(path, gb * 1e9))
    const { size } = await stat(path)
    const cost = await runScript<Cost>(join(import.meta.dir, 'measure.ts'), { path })
    const { probeMs, decodeMs, audioSeconds, peakBytes } = cost
    const speed = audioSeconds / (decodeMs / 1000)
    rows.push([name, size / 1e6, audioSeconds / 3600, probeMs, decodeMs / 1000, speed, peakBytes / 1e6])
    await rm(path)
  }
  const head = ['file', 'MB', 'hours', 'probe, ms', 'decode, s', '× real time', 'peak memory, MB']
  console.log(markdownTable(head, rows))
})
