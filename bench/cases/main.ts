// Sends the recordings of an index to a service and compares the results with the expected ones; with --wer,
// measures the word error rate over a folder of recordings. README.md explains the index and the options.
//
//   bun bench/cases/main.ts --index DIR/index.json [--only 8,19] [--skip 49] [--language CODE] [--wer DIR]
//       [--url http://… --token …] [--parallel 4] [--json FILE] [--compare FILE]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signUp } from '../../test/support/client.ts'
import { startService } from '../../test/support/service.ts'
import { type Defer, withCleanup } from '../shared/cleanup.ts'
import { readOptions } from '../shared/options.ts'
import { readEntries } from './entries.ts'
import { observe } from './observe.ts'
import { changesTable, entriesTable, type Results, wordErrorsTable } from './report.ts'
import type { Target } from './send.ts'
import { judge } from './verdict.ts'
import { countErrors, readRecordings } from './word-errors.ts'

const options = readOptions({
  index: '',
  wer: '',
  url: '',
  token: '',
  only: '',
  skip: '',
  language: '',
  keywords: '',
  parallel: 4,
  json: '',
  compare: '',
})

/** The service of `--url`, or a new one with the embedded database and its own CPU sidecar. */
async function openTarget(defer: Defer): Promise<Target> {
  if (options.url) {
    return { url: options.url.replace(/\/$/, ''), headers: { Authorization: `Bearer ${options.token}` } }
  }
  const folder = await mkdtemp(join(tmpdir(), 'verbatim-cases-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  const service = await startService({ DATA_DIR: folder })
  defer(() => service.kill('SIGTERM'))
  await service.ready
  return { url: service.url, headers: (await signUp(service.url)).headers }
}

/** Keeps `--parallel` calls of `work` in progress; returns the results in the order of `items`. */
async function mapParallel<Item, Out>(items: Item[], work: (item: Item) => Promise<Out>): Promise<Out[]> {
  const queue = items.entries()
  const results = new Map<number, Out>()
  async function workThrough() {
    for (const [index, item] of queue) {
      results.set(index, await work(item))
      console.error(`${results.size} of ${items.length}`)
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, workThrough))
  return [...results.entries()].toSorted(([a], [b]) => a - b).map(([, result]) => result)
}

await withCleanup(async (defer) => {
  const { index, wer: folder, language, keywords } = options
  const entries = index ? await readEntries(index, options) : []
  const recordings = folder ? await readRecordings(folder) : []
  if (entries.length + recordings.length === 0)
    throw new Error('there is nothing to send: pass --index or --wer')
  const target = await openTarget(defer)
  const results: Results = {
    entries: await mapParallel(entries, async (entry) => {
      const observed = await observe(target, entry)
      return { entry, observed, ...judge(entry, observed) }
    }),
    wordErrors: await mapParallel(recordings, (recording) =>
      countErrors(target, { folder, recording, language, keywords }),
    ),
  }
  if (index) console.log(entriesTable(results.entries))
  if (folder) console.log(`\n${wordErrorsTable(results.wordErrors)}`)
  if (options.compare) console.log(`\n${changesTable(await Bun.file(options.compare).json(), results)}`)
  if (options.json) await Bun.write(options.json, JSON.stringify(results, null, 1))
  if (results.entries.some(({ verdict }) => verdict === 'wrong')) process.exitCode = 1
})
