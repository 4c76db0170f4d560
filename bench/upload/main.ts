// One large upload over loopback HTTP to the real service, as a form and as a raw body, beside a bare Bun server that
// streams the same body to disk: bytes a second and resident memory. Each measurement starts its server afresh.
//
//   bun bench/upload/main.ts [--mib 1024] [--runs 3] [--dir FOLDER]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measured, measure } from './measure.ts'
import { bareSubject, foundService, serviceSubject } from './subjects.ts'
import { LEAST_RATIO, MOST_OVER_IDLE, missed, tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
  },
})
const mib = Number(values.mib)
const runs = Number(values.runs)

const home = await mkdtemp(join(values.dir, 'verbatim-upload-'))
try {
  const founded = join(home, 'founded')
  const token = await foundService(founded)
  const subjects = [
    bareSubject('bare', 'disk'),
    serviceSubject('multipart', { founded, token }),
    bareSubject('bare with sha256', 'sha256'),
    serviceSubject('raw', { founded, token }),
    bareSubject('bare without disk', 'discard'),
  ]
  const rounds: Measured[][] = []
  for (let run = 0; run < runs; run++) {
    const round: Measured[] = []
    for (let turn = 0; turn < subjects.length; turn++) {
      // Another one first in each round.
      const subject = subjects[(turn + run) % subjects.length]
      if (!subject) continue
      round.push(await measure({ subject, bytes: mib * 2 ** 20, folder: join(home, 'run') }))
      console.error(
        `round ${run + 1}: ${subject.name} ${((round.at(-1)?.bytesPerSecond ?? 0) / 1e6).toFixed(0)} MB/s`,
      )
    }
    rounds.push(round)
  }
  console.log(`${mib} MiB in ${values.dir}, ${runs} rounds; medians, least to most in brackets\n`)
  console.log(tableOf({ rounds, names: subjects.map(({ name }) => name) }))
  console.log(
    `\nTargets: the service at ${LEAST_RATIO} of the bare rate, ${MOST_OVER_IDLE / 1e6} MB over idle.`,
  )
  const misses = missed(rounds)
  for (const miss of misses) console.log(`MISSED: ${miss}`)
  if (misses.length > 0) process.exitCode = 1
} finally {
  await rm(home, { recursive: true, force: true })
}
