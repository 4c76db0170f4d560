/** The median; for an even count, the mean of the two middle values. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2
}

/** The value that the given share of the values does not exceed (nearest rank). */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The median and, for several values, the minimum and the maximum; a dash if nothing was measured. */
export function spread(values: number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits)
  if (values.every(Number.isNaN)) return '–'
  return values.length === 1
    ? text(median(values))
    : `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))})`
}

/** A Markdown table; the first column is text, and the others are figures. */
export function markdownTable(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? rounded(cell) : cell)).join(' | ')} |`
  return [line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n')
}

/** About three significant digits. */
function rounded(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '' : '∞'
  return value.toFixed(Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2)
}
