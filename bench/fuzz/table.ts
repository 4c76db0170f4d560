import { planOf, type Sample } from './case.ts'
import type { PlayedCase } from './ledger.ts'
import type { Fuzzed } from './run.ts'

const MB = 1e6
const SLOWEST = 8

/** Markdown: a row for each format and a row for each mutation, with what became of their cases. */
export function tablesOf({ corpus, played }: { corpus: readonly Sample[]; played: PlayedCase[] }): string {
  const inOrder = played.toSorted((one, other) => one.index - other.index)
  const outcomes = [...new Set(played.map(({ outcome }) => outcome))].sort()
  const columns = ['cases', ...outcomes, 'slowest, ms', 'peak RSS, MB']
  const by = (title: string, keyOf: (one: PlayedCase) => string) => {
    const rows = [...Map.groupBy(inOrder, keyOf), ['all', inOrder] as const]
    return [
      `| ${[title, ...columns].join(' | ')} |`,
      `| --- |${' ---: |'.repeat(columns.length)}`,
      ...rows.map(([key, cases]) => `| ${[key, ...cellsOf(cases, outcomes)].join(' | ')} |`),
    ].join('\n')
  }
  return [
    by('format', ({ index }) => planOf(index, corpus).sample.name),
    by('mutation', ({ index }) => planOf(index, corpus).mutation),
  ].join('\n\n')
}

function cellsOf(cases: readonly PlayedCase[], outcomes: string[]): number[] {
  const most = (of: (one: PlayedCase) => number) => cases.reduce((max, one) => Math.max(max, of(one)), 0)
  return [
    cases.length,
    ...outcomes.map((outcome) => cases.filter((one) => one.outcome === outcome).length),
    Math.round(most(({ ms }) => ms)),
    Math.round(most(({ peakBytes }) => peakBytes) / MB),
  ]
}

/** The slowest cases with their numbers, for `--only`. */
export function slowestLine({ corpus, played }: { corpus: readonly Sample[]; played: PlayedCase[] }): string {
  const slowest = played.toSorted((one, other) => other.ms - one.ms).slice(0, SLOWEST)
  const cases = slowest.map(({ index, ms, outcome }) => {
    const { sample, mutation } = planOf(index, corpus)
    return `${index} (${sample.name} ${mutation}, ${outcome}, ${Math.round(ms)} ms)`
  })
  return `Slowest: ${cases.join(', ')}.`
}

export function memoryLine({ memory }: Fuzzed): string {
  const [warm, end, peak, limit] = [
    memory.warmBytes,
    memory.endBytes,
    memory.peakBytes,
    memory.limitBytes,
  ].map((bytes) => `${Math.round(bytes / MB)} MB`)
  return `Resident memory of the process: ${warm} before the first case, ${end} behind the last, ${peak} at most (limit ${limit}).`
}
