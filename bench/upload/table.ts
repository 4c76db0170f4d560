import { median, spreadTable } from '../shared/tables.ts'
import type { Measured } from './measure.ts'

export const LEAST_RATIO = 0.8
/** Bytes. */
export const MOST_OVER_IDLE = 100e6

const BASELINE = 'bare'
const HASHING_BASELINE = 'bare with sha256'

type Figure = (one: Measured, round: Measured[]) => number

const overIdle: Figure = ({ memory }) => memory.peakBytes - memory.idleBytes
const of =
  (baseline: string): Figure =>
  (one, round) =>
    one.bytesPerSecond / (round.find(({ subject }) => subject === baseline)?.bytesPerSecond ?? Number.NaN)

const MB = (figure: (memory: Measured['memory']) => number) => ({
  figure: ({ memory }: Measured) => figure(memory) / 1e6,
  digits: 0,
})

const COLUMNS: Record<string, { figure: Figure; digits: number }> = {
  'MB/s': { figure: ({ bytesPerSecond }) => bytesPerSecond / 1e6, digits: 0 },
  'of bare': { figure: of(BASELINE), digits: 2 },
  'of bare with sha256': { figure: of(HASHING_BASELINE), digits: 2 },
  'CPU, s': { figure: ({ cpuSeconds }) => cpuSeconds, digits: 2 },
  'at start, MB': MB(({ startBytes }) => startBytes),
  'idle, MB': MB(({ idleBytes }) => idleBytes),
  'while sending, MB': MB(({ sendingBytes }) => sendingBytes),
  'until the answer, MB': MB(({ peakBytes }) => peakBytes),
  'over idle, MB': { figure: (one, round) => overIdle(one, round) / 1e6, digits: 0 },
}

/** Markdown: a row for each of `names`. Ratios are of the same round. */
export function tableOf({ rounds, names }: { rounds: Measured[][]; names: string[] }): string {
  return spreadTable({
    columns: COLUMNS,
    names,
    figuresOf: (name, figure) => figuresOf({ rounds, name, figure }),
  })
}

/** What the service misses of its targets, in words. */
export function missed(rounds: Measured[][]): string[] {
  const service = new Set(
    rounds
      .flat()
      .map(({ subject }) => subject)
      .filter((name) => name.startsWith('service')),
  )
  return [...service].flatMap((name) => {
    const ratio = median(figuresOf({ rounds, name, figure: of(BASELINE) }))
    const over = Math.max(...figuresOf({ rounds, name, figure: overIdle }))
    return [
      ...(ratio >= LEAST_RATIO ? [] : [`${name}: ${ratio.toFixed(2)} of the bare rate`]),
      ...(over <= MOST_OVER_IDLE ? [] : [`${name}: ${Math.round(over / 1e6)} MB over idle`]),
    ]
  })
}

function figuresOf({
  rounds,
  name,
  figure,
}: {
  rounds: Measured[][]
  name: string
  figure: Figure
}): number[] {
  return rounds.flatMap((round) =>
    round.filter(({ subject }) => subject === name).map((one) => figure(one, round)),
  )
}
