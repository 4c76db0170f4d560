// Probes and decodes damaged and hostile recordings, as many at once as a busy service does. Each must end in
// a result or a named error within its deadline, and must reach nothing but its own output.
//
//   bun bench/fuzz/main.ts [--count 10000] [--seed 1] [--only CASE] [--concurrency CORES]
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readOptions } from '../shared/options.ts'
import { OUT } from '../shared/paths.ts'
import { markdownTable } from '../shared/tables.ts'
import { bytesOf, planOf } from './cases.ts'
import { makeCorpus } from './corpus.ts'
import { linksTo } from './decoys.ts'
import { type PlayedCase, runFuzz } from './run.ts'

const REPORT_EVERY = 500

const { count, seed, only, concurrency } = readOptions({
  count: 10_000,
  seed: 1,
  only: -1,
  concurrency: availableParallelism(),
})
const cases = only < 0 ? { from: 0, to: count } : { from: only, to: only + 1 }
const { samples: corpus, failed } = await makeCorpus()
console.log(`${corpus.length} samples: ${corpus.map(({ name }) => name).join(', ')}`)
for (const line of failed) console.log(`not made: ${line}`)

/**
 * Writes the case to a file. Its links name another folder and port of the same length, so the damage is the
 * same.
 */
async function keep(index: number): Promise<string> {
  const { sample, mutation } = planOf(index, corpus)
  const links = linksTo({ folder: '/tmp/verbatim-fuzz-000000/cases/case-00000000', port: 65_535 })
  const path = join(OUT, `fuzz/seed-${seed}-case-${index}-${mutation}-${sample.name}`)
  await Bun.write(path, bytesOf({ seed, index, corpus, links }))
  return path
}

/** A row for each key, with the number of cases of each outcome and the longest time. */
function outcomesTable(title: string, played: PlayedCase[], keyOf: (index: number) => string) {
  const outcomes = [...new Set(played.map(({ outcome }) => outcome))].sort()
  const groups = Map.groupBy(played, ({ index }) => keyOf(index))
  return markdownTable(
    [title, 'cases', ...outcomes, 'slowest, ms'],
    [...groups, ['all', played] as const].map(([key, group]) => [
      key,
      group.length,
      ...outcomes.map((outcome) => group.filter((played) => played.outcome === outcome).length),
      Math.round(Math.max(...group.map(({ ms }) => ms))),
    ]),
  )
}

let done = 0
const { played, findings, memory } = await runFuzz({
  corpus,
  seed,
  cases,
  concurrency,
  onPlayed({ index, outcome, findings }) {
    done += 1
    // Printed at once, in case the run is interrupted.
    if (outcome === 'timeout') console.error(`case ${index}: timeout`)
    for (const text of findings) console.error(`case ${index}: ${text}`)
    if (done % REPORT_EVERY === 0) console.error(`${done} cases`)
  },
})
const nameOf = (index: number) => `${planOf(index, corpus).sample.name} ${planOf(index, corpus).mutation}`
const slowest = played.toSorted((a, b) => b.ms - a.ms).slice(0, 8)
const [warm, peak, limit] = [memory.warmBytes, memory.peakBytes, memory.limitBytes].map(
  (bytes) => `${Math.round(bytes / 1e6)} MB`,
)
console.log(`${done} cases with seed ${seed}, ${concurrency} decoded at once\n`)
console.log(outcomesTable('format', played, (index) => planOf(index, corpus).sample.name))
console.log(`\n${outcomesTable('mutation', played, (index) => planOf(index, corpus).mutation)}\n`)
console.log(
  `Slowest: ${slowest.map(({ index, ms }) => `${index} (${nameOf(index)}, ${Math.round(ms)} ms)`).join(', ')}`,
)
console.log(`Memory of the process: ${warm} before the first case, ${peak} at its peak (limit ${limit})`)
for (const { text, cases } of findings)
  console.log([`FOUND: ${text}`, ...(await Promise.all(cases.map(keep)))].join('\n  '))
const missing = cases.to - cases.from - done
if (missing > 0) console.log(`FOUND: ${missing} cases did not end`)
if (failed.length + findings.length + missing > 0) process.exitCode = 1
else console.log('No findings.')
