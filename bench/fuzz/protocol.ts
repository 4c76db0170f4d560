import type { Played } from './play.ts'

/** What a player is to do: in its first argument, as JSON. */
export type Job = {
  seed: number
  /** A folder with the samples, and their names in the order that the cases count in. */
  corpus: { folder: string; names: string[] }
  /** Where cases are laid out. */
  folder: string
  /** Samples that are played as they are, before any case. */
  whole: string[]
  cases: { from: number; to: number }
  /** Files decoded at once; twice as many cases are under way. */
  concurrency: number
  deadlines: { probeMs: number; decodeMs: number }
  maxSeconds: number
  /** Of 127.0.0.1, where someone listens. */
  port: number
}

/** What a player says, a line of JSON each. */
export type Line =
  | ({ kind: 'whole'; name: string } & Played)
  | { kind: 'warm' }
  | { kind: 'started'; index: number }
  | ({ kind: 'ended'; index: number } & Played)
  /** Paths of files in its folder that it still holds open when all is over. */
  | { kind: 'done'; open: string[] }
