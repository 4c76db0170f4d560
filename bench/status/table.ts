import { median, spread, spreadTable } from '../shared/tables.ts'
import type { Measured } from './measure.ts'

/** What was measured of each subject, by its name, in each round. */
export type Round = Record<string, Measured>

type Figure = (one: Measured, round: Round) => number

export const BARE = 'bare: the select alone'
export const VERIFYING = 'bare, with the JWT verified'
export const SERVICE = 'the service'
export const SERVICE_WITH_MANY = 'the service, at many rows'

/** Reads a second beside the bare route's. */
export const LEAST_RATIO = 0.9
/** The 95th percentile at many rows beside that at a few. */
export const MOST_TIMES = 1.2

export const ratioTo =
  (baseline: string, figure: Figure): Figure =>
  (one, round) => {
    const other = round[baseline]
    return other ? figure(one, round) / figure(other, round) : Number.NaN
  }
export const perSecond: Figure = (one) => one.perSecond
export const percentile =
  (of: number): Figure =>
  (one) =>
    one.percentiles[of] ?? Number.NaN

const COLUMNS: Record<string, { figure: Figure; digits: number }> = {
  'reads/s': { figure: perSecond, digits: 0 },
  'p50, ms': { figure: percentile(50), digits: 2 },
  'p95, ms': { figure: percentile(95), digits: 2 },
  'p99, ms': { figure: percentile(99), digits: 2 },
  'CPU, µs: server': { figure: ({ serverCpu }) => serverCpu, digits: 0 },
  Postgres: { figure: ({ databaseCpu }) => databaseCpu, digits: 0 },
  client: { figure: ({ clientCpu }) => clientCpu, digits: 0 },
}

const BESIDE_BARE = {
  'of bare': { figure: ratioTo(BARE, perSecond), digits: 2 },
  'of bare with JWT': { figure: ratioTo(VERIFYING, perSecond), digits: 2 },
}

/** Markdown: a row for each of `names`. Ratios are of the same round. */
export function tableOf({
  rounds,
  names,
  besideBare,
}: {
  rounds: Round[]
  names: string[]
  besideBare: boolean
}): string {
  const columns = { ...COLUMNS, ...(besideBare && BESIDE_BARE) }
  return spreadTable({ columns, names, figuresOf: (name, figure) => figuresOf({ rounds, name, figure }) })
}

/** The targets, in words, and whether each is met. */
export function verdicts(rounds: Round[]): { said: string; isMet: boolean }[] {
  const reads = figuresOf({ rounds, name: SERVICE, figure: ratioTo(BARE, perSecond) })
  const times = figuresOf({ rounds, name: SERVICE_WITH_MANY, figure: ratioTo(SERVICE, percentile(95)) })
  return [
    {
      said: `reads/s of the bare route's: ${spread(reads, 2)}; at least ${LEAST_RATIO}`,
      isMet: median(reads) >= LEAST_RATIO,
    },
    {
      said: `p95 at many rows over that at a few: ${spread(times, 2)}; at most ${MOST_TIMES}`,
      isMet: median(times) <= MOST_TIMES,
    },
  ]
}

function figuresOf({ rounds, name, figure }: { rounds: Round[]; name: string; figure: Figure }): number[] {
  return rounds.flatMap((round) => {
    const one = round[name]
    return one ? [figure(one, round)] : []
  })
}
