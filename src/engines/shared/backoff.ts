/**
 * Milliseconds to wait after `failures` in a row: doubles from `first` up to `most`, then minus up to half at
 * random.
 */
export function backoff(failures: number, { first, most }: { first: number; most: number }): number {
  return Math.min(most, first * 2 ** Math.max(0, failures - 1)) * (1 - Math.random() / 2)
}
