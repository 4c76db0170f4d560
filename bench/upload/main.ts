// Measures one large upload to the service, as a form and as a raw body, beside a bare Bun server that
// streams the same body to disk: bytes per second, CPU time and memory. Each measurement starts its server
// anew.
//
//   bun bench/upload/main.ts [--mib 1024] [--runs 3] [--dir FOLDER]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import {
  type Figure,
  figuresOf,
  measureRounds,
  ratioTo,
  reportTargets,
  roundsTable,
} from '../shared/rounds.ts'
import { median } from '../shared/tables.ts'
import { type Measured, measure } from './measure.ts'
import { openService, prepareService, startBare, type UploadServer } from './servers.ts'

const { mib, runs, dir } = readOptions({ mib: 1024, runs: 3, dir: tmpdir() })
const BARE = 'bare'
const HASHING = 'bare with sha256'
const SERVICE = ['service, multipart', 'service, raw']
const TARGETS = { ratio: 0.8, bytesOverIdle: 100e6 }

const rate: Figure<Measured> = ({ bytesPerSecond }) => bytesPerSecond
const overIdle: Figure<Measured> = ({ peakBytes, idleBytes }) => peakBytes - idleBytes

await withCleanup(async (defer) => {
  const home = await mkdtemp(join(dir, 'verbatim-upload-'))
  defer(() => rm(home, { recursive: true, force: true }))
  const prepared = join(home, 'prepared')
  const token = await prepareService(prepared)
  const folder = join(home, 'run')
  const subject = (start: () => Promise<UploadServer>) => () =>
    measure({ start, folder, bytes: mib * 2 ** 20 })
  const rounds = await measureRounds({
    subjects: {
      [BARE]: subject(() => startBare('disk', folder)),
      'service, multipart': subject(() => openService({ prepared, folder, token, format: 'multipart' })),
      [HASHING]: subject(() => startBare('sha256', folder)),
      'service, raw': subject(() => openService({ prepared, folder, token, format: 'raw' })),
      'bare without disk': subject(() => startBare('discard', folder)),
    },
    runs,
    describe: ({ bytesPerSecond }) => `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`,
  })
  console.log(`${mib} MiB in ${dir}, ${runs} rounds; medians with minimum and maximum\n`)
  console.log(
    roundsTable(rounds, {
      'MB/s': { figure: (measured) => measured.bytesPerSecond / 1e6, digits: 0 },
      'of bare': { figure: ratioTo(BARE, rate), digits: 2 },
      'of bare with sha256': { figure: ratioTo(HASHING, rate), digits: 2 },
      'CPU, s': { figure: (measured) => measured.cpuSeconds, digits: 2 },
      'idle, MB': { figure: (measured) => measured.idleBytes / 1e6, digits: 0 },
      'peak, MB': { figure: (measured) => measured.peakBytes / 1e6, digits: 0 },
      'over idle, MB': { figure: (measured, round) => overIdle(measured, round) / 1e6, digits: 0 },
    }),
  )
  reportTargets(
    SERVICE.flatMap((name) => {
      const ratio = median(figuresOf(rounds, name, ratioTo(BARE, rate)))
      const bytes = Math.max(...figuresOf(rounds, name, overIdle))
      return [
        {
          text: `${name}: ${ratio.toFixed(2)} of the bare rate; at least ${TARGETS.ratio}`,
          isMet: ratio >= TARGETS.ratio,
        },
        {
          text: `${name}: ${(bytes / 1e6).toFixed(0)} MB over idle; at most ${TARGETS.bytesOverIdle / 1e6}`,
          isMet: bytes <= TARGETS.bytesOverIdle,
        },
      ]
    }),
  )
})
