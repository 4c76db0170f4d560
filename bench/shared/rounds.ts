import { markdownTable, spread } from './tables.ts'

/** One measurement of each subject, by the subject's name. */
export type Round<T> = Record<string, T>
export type Figure<T> = (measured: T, round: Round<T>) => number

/** Measures each subject once per round, and starts each round with another subject. */
export async function measureRounds<T>({
  subjects,
  runs,
  describe,
}: {
  subjects: Record<string, () => Promise<T>>
  runs: number
  /** The progress line after a measurement. */
  describe: (measured: T) => string
}): Promise<Round<T>[]> {
  const all = Object.entries(subjects)
  const rounds: Round<T>[] = []
  for (let run = 0; run < runs; run++) {
    const first = run % all.length
    const round: Round<T> = {}
    for (const [name, measure] of [...all.slice(first), ...all.slice(0, first)]) {
      const measured = await measure()
      round[name] = measured
      console.error(`round ${run + 1}: ${name}: ${describe(measured)}`)
    }
    rounds.push(round)
  }
  return rounds
}

/** The ratio to the baseline's figure in the same round, so that a busy machine slows both sides. */
export function ratioTo<T>(baseline: string, figure: Figure<T>): Figure<T> {
  return (measured, round) => {
    const other = round[baseline]
    return other === undefined ? Number.NaN : figure(measured, round) / figure(other, round)
  }
}

export function figuresOf<T>(rounds: Round<T>[], name: string, figure: Figure<T>): number[] {
  return rounds.flatMap((round) => {
    const measured = round[name]
    return measured === undefined ? [] : [figure(measured, round)]
  })
}

/** A Markdown table with a row for each subject; each cell has the spread over the rounds. */
export function roundsTable<T>(
  rounds: Round<T>[],
  columns: Record<string, { figure: Figure<T>; digits: number }>,
): string {
  return markdownTable(
    ['', ...Object.keys(columns)],
    Object.keys(rounds[0] ?? {}).map((name) => [
      name,
      ...Object.values(columns).map(({ figure, digits }) => spread(figuresOf(rounds, name, figure), digits)),
    ]),
  )
}

/** Prints whether each target is met, and makes the exit status 1 if one is missed. */
export function reportTargets(targets: { text: string; isMet: boolean }[]): void {
  for (const { text, isMet } of targets) {
    console.log(`${isMet ? 'met' : 'MISSED'}: ${text}`)
    if (!isMet) process.exitCode = 1
  }
}
