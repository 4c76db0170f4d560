/**
 * Milliseconds to wait before attempt `failures` + 1: doubling from `first` to `most`, and up to half of it
 * less by chance.
 */
export function backoff(failures: number, first: number, most: number): number {
  return Math.min(most, first * 2 ** Math.max(0, failures - 1)) * (1 - Math.random() / 2)
}
