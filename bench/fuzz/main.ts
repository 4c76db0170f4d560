// Damaged and hostile recordings through probe and decode, as many at once as a busy service has under way: each must end
// in a result or a named error within its deadline, and touch nothing but its own output.
//
//   bun bench/fuzz/main.ts [--count 10000] [--seed 1] [--only CASE] [--audio DIR] [--concurrency CORES]
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bytesOf, planOf, type Sample } from './case.ts'
import { makeCorpus } from './corpus.ts'
import { linksTo } from './decoys.ts'
import { runFuzz } from './run.ts'
import { memoryLine, slowestLine, tablesOf } from './table.ts'

const KEPT = join(import.meta.dir, '../out/fuzz')
const TELL_EVERY = 500

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    audio: { type: 'string' },
    concurrency: { type: 'string', default: String(availableParallelism()) },
  },
})
const seed = Number(values.seed)
const only = values.only === undefined ? undefined : Number(values.only)
const cases = only === undefined ? { from: 0, to: Number(values.count) } : { from: only, to: only + 1 }

/** Where `--only` lays a case out, the links in it name another place and port: as long, so the damage is the same. */
async function keep(corpus: Sample[], index: number): Promise<string> {
  const { sample, mutation } = planOf(index, corpus)
  const links = linksTo({ folder: '/tmp/verbatim-fuzz-000000/cases/case-00000000', port: 65_535 })
  const path = join(KEPT, `seed-${seed}-case-${index}-${mutation}-${sample.name}`)
  await mkdir(KEPT, { recursive: true })
  await writeFile(path, bytesOf({ seed, index, corpus, links }))
  return path
}

const { samples: corpus, failed } = await makeCorpus({ recordings: values.audio })
console.log(`${corpus.length} samples: ${corpus.map(({ name }) => name).join(', ')}`)
for (const line of failed) console.log(`not made: ${line}`)

const begun = performance.now()
const seconds = () => ((performance.now() - begun) / 1000).toFixed(0)
let done = 0
const fuzzed = await runFuzz({
  ...{ corpus, seed, cases, concurrency: Number(values.concurrency) },
  onPlayed: ({ index, outcome, findings }) => {
    done += 1
    // A run that is broken off has told what it saw.
    if (outcome === 'at its deadline') console.error(`case ${index}: ${outcome}`)
    for (const what of findings) console.error(`case ${index}: ${what}`)
    if (done % TELL_EVERY === 0) console.error(`${done} cases in ${seconds()} s`)
  },
})

console.log(`${done} cases with seed ${seed} in ${seconds()} s, ${values.concurrency} decoded at once\n`)
console.log(tablesOf({ corpus, played: fuzzed.played }))
console.log(`\n${slowestLine({ corpus, played: fuzzed.played })}`)
console.log(memoryLine(fuzzed))
for (const { what, cases } of fuzzed.findings) {
  const kept = await Promise.all(cases.map((index) => keep(corpus, index)))
  console.log([`FOUND: ${what}`, ...kept].join('\n  '))
}
const missing = cases.to - cases.from - done
if (missing > 0) console.log(`FOUND: ${missing} cases did not end`)
if (failed.length + fuzzed.findings.length + missing > 0) process.exitCode = 1
else console.log('Nothing was found.')
