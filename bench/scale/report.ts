import type { Sql } from 'postgres'
import { markdownTable, percentile } from '../shared/tables.ts'
import type { Latencies } from './clients.ts'
import type { Observed } from './observe.ts'
import type { Chart } from './plot.ts'
import type { QueryCost } from './query-costs.ts'

const MOST_STATEMENTS = 20

export type Idle = { workers: number; observed: Observed }
export type Busy = Idle & {
  /** The clips that the engines of all workers can process at once, and how many per second that allows. */
  slots: number
  ideal: number
  /** The spans finished during the measurement, and those that waited at its end. */
  spans: number
  left: number
  latencies: Latencies
  workerCpuSeconds: number
}

const rateOf = ({ spans, observed }: Busy) => spans / observed.seconds

export async function sizesTable(sql: Sql): Promise<string> {
  await sql`analyze`
  const rows = await sql<{ table: string; rows: number; megabytes: number; indexes: number }[]>`
    select relname as "table", reltuples::int as rows, pg_total_relation_size(oid) / 1e6::float8 as megabytes,
      pg_indexes_size(oid) / 1e6::float8 as indexes
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > 0
    order by megabytes desc`
  const total = rows.reduce((sum, { megabytes }) => sum + megabytes, 0)
  return markdownTable(
    ['table', 'rows', 'MB', 'MB of indexes', 'bytes per row'],
    [
      ...rows.map((row) => [
        row.table,
        row.rows,
        row.megabytes,
        row.indexes,
        (row.megabytes * 1e6) / row.rows,
      ]),
      ['all', '', total, '', ''],
    ],
  )
}

/** The first row is the environment without workers. */
export function idleTable(idle: Idle[]): string {
  const others = idle[0]?.observed.connections ?? 0
  return markdownTable(
    ['workers', 'statements/s', 'database, % of a core', 'connections', 'connections per worker'],
    idle.map(({ workers, observed: { calls, seconds, cpuSeconds, connections } }) => [
      workers,
      calls / seconds,
      (100 * cpuSeconds) / seconds,
      connections,
      (connections - others) / workers,
    ]),
  )
}

export function busyTable(busy: Busy[]): string {
  return markdownTable(
    [
      'workers',
      'slots',
      'spans/s',
      'of the ideal',
      'left',
      'statements per span',
      'database, ms per span',
      'database, cores',
      'workers, cores',
      'connections',
    ],
    busy.map((run) => [
      run.workers,
      run.slots,
      rateOf(run),
      rateOf(run) / run.ideal,
      run.left,
      run.observed.calls / run.spans,
      (1000 * run.observed.cpuSeconds) / run.spans,
      run.observed.cpuSeconds / run.observed.seconds,
      run.workerCpuSeconds / run.observed.seconds,
      run.observed.connections,
    ]),
  )
}

/** The statements that take the most time. */
export function statementsTable({ observed, spans }: Busy): string {
  return markdownTable(
    ['statement', 'per span', 'ms per span', 'ms per call', 'pages per call'],
    observed.statements.slice(0, MOST_STATEMENTS).map(({ query, calls, meanMs, pages }) => {
      const text = query.replace(/\s+/g, ' ').replaceAll('"transcriptions".', '').trim()
      return [`\`${text.slice(0, 80)}\``, calls / spans, (calls * meanMs) / spans, meanMs, pages]
    }),
  )
}

export function latencyTable({ unloaded, busy }: { unloaded: Latencies; busy: Busy[] }): string {
  const names = ['status', 'list', 'search', 'upload', 'finished'] as const
  const row = (title: string, latencies: Latencies) => [
    title,
    ...names.map((name) =>
      [0.5, 0.95].map((share) => percentile(latencies[name], share).toFixed(0)).join(', '),
    ),
  ]
  return markdownTable(
    ['p50, p95 in ms', ...names],
    [
      row('empty queue', unloaded),
      ...busy.map(({ workers, latencies }) => row(`${workers} busy workers`, latencies)),
    ],
  )
}

export function queriesTable(costs: QueryCost[]): string {
  return markdownTable(
    ['query', 'runs', 'ms', 'pages'],
    costs.map(({ name, when, ms, pages }) => [name, when, ms, pages]),
  )
}

export function charts({ idle, busy }: { idle: Idle[]; busy: Busy[] }): Chart[] {
  const chart = (title: string, y: string, lines: Chart['lines']): Chart => ({
    title,
    x: 'workers',
    y,
    lines,
  })
  const line = <T extends Idle>(name: string, measured: T[], y: (run: T) => number) => ({
    name,
    points: measured.map((run) => ({ x: run.workers, y: y(run) })),
  })
  return [
    chart('Spans', 'spans per second', [
      line('ideal', busy, ({ ideal }) => ideal),
      line('finished', busy, rateOf),
    ]),
    chart('Statements of idle workers', 'per second', [
      line('all', idle, ({ observed }) => observed.calls / observed.seconds),
    ]),
    chart('CPU time', 'cores', [
      line('database, busy', busy, ({ observed }) => observed.cpuSeconds / observed.seconds),
      line('workers, busy', busy, (run) => run.workerCpuSeconds / run.observed.seconds),
      line('database, idle', idle, ({ observed }) => observed.cpuSeconds / observed.seconds),
    ]),
    chart('Database connections', 'open', [
      line('busy', busy, ({ observed }) => observed.connections),
      line('idle', idle, ({ observed }) => observed.connections),
    ]),
  ]
}
