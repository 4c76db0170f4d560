import { type Chunk, chunksOf, type TimedText } from './line-breaking.ts'

/** What a player shows at a time: one line or two. */
export type Cue = { start: number; end: number; lines: string[] }

// What the style guides of streaming services ask for, in most languages.
const LINE_COLUMNS = 42
const CUE_SECONDS = 7
const LEAST_SECONDS = 5 / 6
const COLUMNS_PER_SECOND = 20

/** Narrower than this, a cue flashes by for little. */
const SLIVER_COLUMNS = 16
const PAUSE_SECONDS = 0.5
const SENTENCE_END = /[.!?…。！？][\p{Pe}\p{Pf}"']*$/u
const CLAUSE_END = /[,;:–—，、；：][\p{Pe}\p{Pf}"']*$/u

/**
 * Cuts segments into cues of at most two lines of 42 letters, or 16 wide ones, and about 7 seconds: best at the end of a
 * sentence, a clause or at a pause. What would pass too fast to be read stays on, until the next one or the audio's end.
 */
export function cuesOf(segments: TimedText[], seconds: number): Cue[] {
  const cues = segments.flatMap((segment) => cutUp(chunksOf(segment, LINE_COLUMNS)))
  return cues.map((cue, index) => readable(cue, cues[index + 1]?.start ?? seconds))
}

type Shown = Cue & { columns: number }

/** The cheapest way to cut a segment, each place where a cue may end being reached from the best place before it. */
function cutUp(pieces: Chunk[]): Shown[] {
  const { columns, fullLine } = measured(pieces)
  const best = [{ cost: 0, from: 0 }]
  for (let until = 1; until <= pieces.length; until++) {
    let least = { cost: Number.POSITIVE_INFINITY, from: until - 1 }
    for (let from = until - 1; from >= 0 && fullLine(fullLine(from)) >= until; from--) {
      const [first, last, next] = [pieces[from], pieces[until - 1], pieces[until]]
      const seconds = (last?.end ?? 0) - (first?.start ?? 0)
      const tooLong = from < until - 1 ? Math.max(0, seconds - CUE_SECONDS) : 0
      const sliver = Math.max(0, 1 - columns(from, until) / SLIVER_COLUMNS)
      const cost = (best[from]?.cost ?? 0) + 1 + partingCost(last, next) + tooLong + sliver
      if (cost < least.cost) least = { cost, from }
    }
    best.push(least)
  }
  const cues: Shown[] = []
  for (let until = pieces.length; until > 0; until = best[until]?.from ?? 0) {
    cues.unshift(shown(pieces.slice(best[until]?.from, until)))
  }
  return cues
}

/** From 0, the end of a sentence, to 2, the middle of a phrase: worse than a cue more. */
function partingCost(last: Chunk | undefined, next: Chunk | undefined): number {
  if (!last || !next || SENTENCE_END.test(last.text)) return 0
  if (next.start - last.end >= PAUSE_SECONDS) return 0.4
  return CLAUSE_END.test(last.text) ? 0.6 : 2
}

function shown(pieces: Chunk[]): Shown {
  return {
    start: pieces[0]?.start ?? 0,
    end: pieces.at(-1)?.end ?? 0,
    lines: linesOf(pieces).map(textOf),
    columns: measured(pieces).columns(0, pieces.length),
  }
}

/** One line where it fits, or else two of like length, parted rather behind a clause. */
function linesOf(pieces: Chunk[]): Chunk[][] {
  const { columns } = measured(pieces)
  if (columns(0, pieces.length) <= LINE_COLUMNS) return [pieces]
  let best = { cost: Number.POSITIVE_INFINITY, at: pieces.length }
  for (let at = 1; at < pieces.length; at++) {
    const [first, second] = [columns(0, at), columns(at, pieces.length)]
    if (first > LINE_COLUMNS || second > LINE_COLUMNS) continue
    const cost = Math.abs(first - second) / LINE_COLUMNS + partingCost(pieces[at - 1], pieces[at]) / 4
    if (cost < best.cost) best = { cost, at }
  }
  return [pieces.slice(0, best.at), pieces.slice(best.at)]
}

/** `columns` is the width of the pieces from one place to another, `fullLine` where a line ends that takes what it can. */
function measured(pieces: Chunk[]) {
  const ends = [0]
  for (const { columns, isSpaced } of pieces) ends.push((ends.at(-1) ?? 0) + (isSpaced ? 1 : 0) + columns)
  const columns = (from: number, until: number) =>
    (ends[until] ?? 0) - (ends[from] ?? 0) - (pieces[from]?.isSpaced ? 1 : 0)
  const full: number[] = []
  let until = 0
  for (let from = 0; from <= pieces.length; from++) {
    while (until < pieces.length && columns(from, until + 1) <= LINE_COLUMNS) until++
    full.push(until)
  }
  return { columns, fullLine: (from: number) => full[from] ?? pieces.length }
}

function textOf(pieces: Chunk[]): string {
  return pieces.map(({ text, isSpaced }, index) => (isSpaced && index > 0 ? ' ' : '') + text).join('')
}

function readable({ start, end, lines, columns }: Shown, next: number): Cue {
  const wanted = start + Math.max(LEAST_SECONDS, columns / COLUMNS_PER_SECOND)
  return { start, end: Math.max(end, Math.min(wanted, next)), lines }
}
