import { type Chart, plotOf } from '../shared/plot.ts'
import type { ProcessSample } from '../shared/process-sample.ts'
import type { Remainder } from './audit.ts'
import { type Flatness, memoryOf } from './flatness.ts'
import type { DeploymentSample, Sample } from './sampling.ts'
import type { Tally } from './tally.ts'

const MB = 1_000_000

export type Outcome = {
  minutes: number
  flatness: Flatness[]
  deployments: { name: string; remainder: Remainder; tally: Tally }[]
}

const row = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`
const mb = (bytes: number) => (bytes / MB).toFixed(0)

/** The tables, in Markdown. */
export function tablesOf({ minutes, flatness, deployments }: Outcome): string {
  const heads = [
    ...['process', 'MB, second third', 'last third', 'growth %', 'MB more an hour', 'MB at most'],
    ...['cores', 'threads', 'descriptors before', 'after', ''],
  ]
  return [
    `${minutes.toFixed(1)} minutes of load`,
    '',
    row(heads),
    row(heads.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...flatness.map((one) =>
      row([
        ...[one.name, mb(one.middleBytes), mb(one.lastBytes), (one.growth * 100).toFixed(1)],
        ...[
          (one.bytesPerHour / MB).toFixed(1),
          mb(one.peakBytes),
          one.processorShare.toFixed(2),
          one.threads,
        ],
        ...[one.descriptorsBefore, one.descriptorsAfter],
        [!one.isFlat && 'grows', !one.isClosed && 'leaves descriptors open'].filter(Boolean).join(', '),
      ]),
    ),
    '',
    ...remaindersOf(deployments),
    ...deployments.flatMap(({ name, tally }) => faultsOf(name, tally)),
    ...deployments.flatMap(({ name, tally }) => answersOf(name, tally)),
  ].join('\n')
}

function remaindersOf(deployments: Outcome['deployments']): string[] {
  const of = (part: keyof Remainder) =>
    Object.keys(deployments[0]?.remainder[part] ?? {}).map((what) =>
      row([what, ...deployments.map(({ remainder }) => remainder[part][what] ?? '')]),
    )
  const names = deployments.map(({ name }) => name)
  return [
    row(['', ...names]),
    row(['---', ...names.map(() => '---:')]),
    ...of('counts'),
    ...of('faults').map((line) => line.replace(/^\| /, '| **0:** ')),
    '',
  ]
}

function faultsOf(name: string, { faults }: Tally): string[] {
  return [...faults].flatMap(([kind, { count, samples }]) => [
    `${name}: ${kind}, ${count} times, such as`,
    ...samples.map((sample) => `- ${sample.replaceAll('\n', ' ')}`),
    '',
  ])
}

function answersOf(name: string, { answers }: Tally): string[] {
  const sum = [...answers.values()].reduce((total, count) => total + count, 0)
  return [
    `${name}: ${sum.toLocaleString('en')} requests`,
    '',
    ...[...answers].toSorted(([a], [b]) => a.localeCompare(b)).map(([what, count]) => `- ${count} × ${what}`),
    '',
  ]
}

export function plotted(samples: Sample[]): string {
  const ofProcesses = (title: string, y: string, value: (process: ProcessSample) => number): Chart => ({
    ...{ title, x: 'minutes', y },
    lines: linesOf(samples, ({ processes }) =>
      processes.map((one) => ({ name: one.name, value: value(one) })),
    ),
  })
  const ofDeployments = (
    title: string,
    y: string,
    values: Record<string, (deployment: DeploymentSample) => number | null | false>,
  ): Chart => ({
    ...{ title, x: 'minutes', y },
    lines: linesOf(samples, ({ deployments }) =>
      deployments.flatMap((one) =>
        Object.entries(values).map(([what, of]) => ({ name: `${one.name}: ${what}`, value: of(one) })),
      ),
    ),
  })
  return plotOf([
    ofProcesses('Memory (Postgres: each of its processes’ share)', 'MB', (one) => memoryOf(one) / MB),
    ofProcesses('Open file descriptors', 'descriptors', (one) => one.descriptors),
    ofProcesses('Threads', 'threads', (one) => one.threads),
    ofDeployments('Work', 'count', {
      'open transcriptions': (one) => one.open,
      'waiting jobs': (one) => one.waiting,
    }),
    ofDeployments('Storage', 'MB', {
      stored: (one) => one.storedBytes / MB,
      'audio in rows': (one) => one.knownBytes !== null && one.knownBytes / MB,
      database: (one) => one.databaseBytes !== null && one.databaseBytes / MB,
    }),
    ofDeployments('Files half written, temporary files and connections', 'count', {
      'half written': (one) => one.incoming,
      temporary: (one) => one.temporary,
      connections: (one) => one.connections,
    }),
  ])
}

/** A line for each name, of what each sample has under it. */
function linesOf(
  samples: Sample[],
  valuesOf: (sample: Sample) => { name: string; value: number | null | false }[],
): Chart['lines'] {
  const points = samples.flatMap((sample) =>
    valuesOf(sample).flatMap(({ name, value }) =>
      typeof value === 'number' ? [{ name, x: sample.seconds / 60, y: value }] : [],
    ),
  )
  return [...Map.groupBy(points, ({ name }) => name)].map(([name, own]) => ({ name, points: own }))
}
