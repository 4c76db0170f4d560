/** The middle one, or the mean of the two in the middle. */
export function median(figures: number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2
}

/** The median, and with more than one the least and the most. */
export function spread(figures: number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits)
  if (figures.length === 0) return '–'
  return figures.length === 1
    ? text(median(figures))
    : `${text(median(figures))} (${text(Math.min(...figures))}–${text(Math.max(...figures))})`
}

/** A table in Markdown, whose first column is text and the others are figures. */
export function tableOf(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n')
}

/** Such a table: a row for each of `names`, and in each column the spread of what `figuresOf` gives for it. */
export function spreadTable<Figure>({
  columns,
  names,
  figuresOf,
}: {
  /** By their titles; `digits` behind the point. */
  columns: Record<string, { figure: Figure; digits: number }>
  names: string[]
  figuresOf: (name: string, figure: Figure) => number[]
}): string {
  return tableOf(
    ['', ...Object.keys(columns)],
    names.map((name) => [
      name,
      ...Object.values(columns).map(({ figure, digits }) => spread(figuresOf(name, figure), digits)),
    ]),
  )
}
