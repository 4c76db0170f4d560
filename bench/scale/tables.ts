import type { Chart } from '../shared/plot.ts'
import type { Latencies } from './clients.ts'
import type { Commits } from './commits.ts'
import { type Kind, kindOf, type Observed } from './observe.ts'
import type { Hot } from './query-costs.ts'
import type { Size } from './seed.ts'

export type Idle = { workers: number; observed: Observed }
export type Busy = Idle & {
  /** What all of them can have an engine at, at a time. */
  slots: number
  answerMs: number
  /** Finished meanwhile. */
  spans: number
  /** That waited at the end. */
  left: number
  latencies: Latencies
  workerCpuSeconds: number
}

export function sizeTable(sizes: Size[]): string {
  const all = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
  return tableOf(
    ['table', 'rows', 'MB', 'of it indexes', 'bytes a row'],
    [
      ...sizes.map(({ table, rows, bytes, indexBytes }) => [
        table,
        rows,
        MB(bytes),
        MB(indexBytes),
        bytes / rows,
      ]),
      ['all', '', MB(all), '', ''],
    ],
  )
}

export function commitsTable(commits: Commits[]): string {
  return tableOf(
    ['', 'commits/s'],
    commits.map(({ what, commits, seconds }) => [what, commits / seconds]),
  )
}

/** The first row is what is there without workers. */
export function idleTable(idle: Idle[]): string {
  const others = idle[0]?.observed.connections ?? 0
  return tableOf(
    [
      'workers',
      'statements/s',
      'of them to take jobs',
      'database, % of a core',
      'connections',
      'for each worker',
    ],
    idle.map(({ workers, observed }) => [
      workers,
      callsOf(observed) / observed.seconds,
      (observed.kinds['take jobs']?.calls ?? 0) / observed.seconds,
      (100 * observed.cpuSeconds) / observed.seconds,
      observed.connections,
      (observed.connections - others) / workers,
    ]),
  )
}

export function busyTable(busy: Busy[]): string {
  return tableOf(
    [
      ...['workers', 'slots', 'spans/s', 'of the ideal', 'left', 'statements a span', 'database, ms a span'],
      ...['database, cores', 'workers, cores', 'connections', 'waits most for'],
    ],
    busy.map((one) => {
      const { observed, spans } = one
      return [
        one.workers,
        one.slots,
        rateOf(one),
        rateOf(one) / idealOf(one),
        one.left,
        callsOf(observed) / spans,
        (1000 * observed.cpuSeconds) / spans,
        observed.cpuSeconds / observed.seconds,
        one.workerCpuSeconds / observed.seconds,
        observed.connections,
        waitOf(observed),
      ]
    }),
  )
}

/** What each kind of statement takes for a span. */
export function kindsTable({ observed, spans }: Busy): string {
  const kinds = Object.entries(observed.kinds).toSorted(([, a], [, b]) => b.seconds - a.seconds)
  return tableOf(
    ['statements', 'a span', 'ms a span', 'pages a span', 'the dearest of them'],
    kinds.map(([name, { calls, seconds, pages }]) => [
      name,
      calls / spans,
      (1000 * seconds) / spans,
      pages / spans,
      dearest(observed, name),
    ]),
  )
}

export function latencyTable({ alone, busy }: { alone: Latencies; busy: Busy[] }): string {
  const names = ['status', 'list', 'search', 'upload', 'finished'] as const
  const cells = (latencies: Latencies) =>
    names.map((name) => `${told(at(latencies[name], 0.5))}, ${told(at(latencies[name], 0.95))}`)
  return tableOf(
    ['p50, p95 in ms', ...names],
    [
      ['nothing queued', ...cells(alone)],
      ...busy.map(({ workers, latencies }) => [`${workers} busy workers`, ...cells(latencies)]),
    ],
  )
}

export function hotTable(hot: Hot[]): string {
  return tableOf(
    ['what', 'asked', 'ms', 'pages'],
    hot.map(({ name, when, ms, pages }) => [name, when, ms, pages]),
  )
}

export function charts({ idle, busy }: { idle: Idle[]; busy: Busy[] }): Chart[] {
  const lineOf = <T extends Idle>(name: string, of: T[], y: (one: T) => number) => ({
    name,
    points: of.map((one) => ({ x: one.workers, y: y(one) })),
  })
  return [
    {
      title: 'Spans',
      x: 'workers',
      y: 'spans a second',
      lines: [lineOf('slots over their time', busy, idealOf), lineOf('finished', busy, rateOf)],
    },
    {
      title: 'Statements of workers that have nothing to do',
      x: 'workers',
      y: 'a second',
      lines: [lineOf('all', idle, ({ observed }) => callsOf(observed) / observed.seconds)],
    },
    {
      title: 'Processor time',
      x: 'workers',
      y: 'cores',
      lines: [
        lineOf('database, busy', busy, ({ observed }) => observed.cpuSeconds / observed.seconds),
        lineOf('workers, busy', busy, (one) => one.workerCpuSeconds / one.observed.seconds),
        lineOf('database, idle', idle, ({ observed }) => observed.cpuSeconds / observed.seconds),
      ],
    },
    {
      title: 'Connections to the database',
      x: 'workers',
      y: 'open',
      lines: [
        lineOf('busy', busy, ({ observed }) => observed.connections),
        lineOf('idle', idle, ({ observed }) => observed.connections),
      ],
    },
  ]
}

const rateOf = ({ spans, observed }: Busy) => spans / observed.seconds
const idealOf = ({ slots, answerMs }: Busy) => slots / (answerMs / 1000)
const sumOf = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0)
const callsOf = ({ kinds }: Observed) => sumOf(Object.values(kinds).map(({ calls }: Kind) => calls))
const MB = (bytes: number) => bytes / 1e6
const at = (sorted: number[], share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN

function waitOf({ waits }: Observed): string {
  const [most] = Object.entries(waits).toSorted(([, a], [, b]) => b - a)
  return most ? `${most[0]} (${told(most[1])})` : ''
}

function dearest({ statements }: Observed, kind: string): string {
  const one = statements.find(({ query }) => kindOf(query) === kind)
  if (!one) return ''
  const query = one.query.replace(/\s+/g, ' ').replaceAll('"transcriptions".', '').trim()
  return `\`${query.slice(0, 80)}…\`: ${told(one.meanMs)} ms, ${told(one.pages)} pages`
}

function tableOf(titles: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? told(cell) : cell)).join(' | ')} |`
  return [
    line(titles),
    `| ${titles.map((_, index) => (typeof rows[0]?.[index] === 'number' ? '---:' : '---')).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n')
}

/** To three digits or so; clients wait for 15 s. */
function told(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '' : 'over 15 s'
  return value.toFixed(Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
