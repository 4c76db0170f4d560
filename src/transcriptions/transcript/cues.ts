import { type Chunk, chunksOf, type TimedText } from './line-breaking.ts'

/** One or two lines that a player shows at a time. Times in seconds. */
export type Cue = { start: number; end: number; lines: string[] }

// Recommended by the style guides of streaming services for most languages.
const LINE_COLUMNS = 42
const CUE_SECONDS = 7
const MIN_SECONDS = 5 / 6
const COLUMNS_PER_SECOND = 20

/** A narrower cue is too short to be worth a cue of its own. */
const SLIVER_COLUMNS = 16
const PAUSE_SECONDS = 0.5
const SENTENCE_END = /[.!?…。！？][\p{Pe}\p{Pf}"']*$/u
const CLAUSE_END = /[,;:–—，、；：][\p{Pe}\p{Pf}"']*$/u

/**
 * Cuts segments into cues of at most two lines of 42 letters (or 16 wide letters) and about 7 seconds,
 * preferably at the end of a sentence or clause or at a pause. A cue that is too short to read stays until
 * the next cue or the audio's end.
 */
export function cuesOf(segments: TimedText[], seconds: number): Cue[] {
  const cues = segments.flatMap((segment) => cutIntoCues(chunksOf(segment, LINE_COLUMNS)))
  return cues.map((cue, index) => readable(cue, cues[index + 1]?.start ?? seconds))
}

type MeasuredCue = Cue & { columns: number }

/**
 * Finds the cheapest cuts by dynamic programming: `best[i]` is the cheapest way to cut the first `i` chunks.
 */
function cutIntoCues(chunks: Chunk[]): MeasuredCue[] {
  const { columns, fullLine } = measured(chunks)
  const best = [{ cost: 0, from: 0 }]
  for (let until = 1; until <= chunks.length; until++) {
    let cheapest = { cost: Number.POSITIVE_INFINITY, from: until - 1 }
    for (let from = until - 1; from >= 0 && fullLine(fullLine(from)) >= until; from--) {
      const [first, last, next] = [chunks[from], chunks[until - 1], chunks[until]]
      const seconds = (last?.end ?? 0) - (first?.start ?? 0)
      const tooLong = from < until - 1 ? Math.max(0, seconds - CUE_SECONDS) : 0
      const sliver = Math.max(0, 1 - columns(from, until) / SLIVER_COLUMNS)
      const cost = (best[from]?.cost ?? 0) + 1 + breakCost(last, next) + tooLong + sliver
      if (cost < cheapest.cost) cheapest = { cost, from }
    }
    best.push(cheapest)
  }
  const cues: MeasuredCue[] = []
  for (let until = chunks.length; until > 0; until = best[until]?.from ?? 0) {
    cues.unshift(toCue(chunks.slice(best[until]?.from, until)))
  }
  return cues
}

/** From 0 at the end of a sentence to 2 in the middle of a phrase, which is worse than another cue. */
function breakCost(last: Chunk | undefined, next: Chunk | undefined): number {
  if (!last || !next || SENTENCE_END.test(last.text)) return 0
  if (next.start - last.end >= PAUSE_SECONDS) return 0.4
  return CLAUSE_END.test(last.text) ? 0.6 : 2
}

function toCue(chunks: Chunk[]): MeasuredCue {
  return {
    start: chunks[0]?.start ?? 0,
    end: chunks.at(-1)?.end ?? 0,
    lines: linesOf(chunks).map(textOf),
    columns: measured(chunks).columns(0, chunks.length),
  }
}

/** One line if the text fits, else two lines of similar length, preferably broken after a clause. */
function linesOf(chunks: Chunk[]): Chunk[][] {
  const { columns } = measured(chunks)
  if (columns(0, chunks.length) <= LINE_COLUMNS) return [chunks]
  let best = { cost: Number.POSITIVE_INFINITY, at: chunks.length }
  for (let at = 1; at < chunks.length; at++) {
    const [first, second] = [columns(0, at), columns(at, chunks.length)]
    if (first > LINE_COLUMNS || second > LINE_COLUMNS) continue
    const cost = Math.abs(first - second) / LINE_COLUMNS + breakCost(chunks[at - 1], chunks[at]) / 4
    if (cost < best.cost) best = { cost, at }
  }
  return [chunks.slice(0, best.at), chunks.slice(best.at)]
}

/**
 * `columns` is the width of the chunks [from, until). `fullLine` is the end of the longest line that starts
 * at `from`.
 */
function measured(chunks: Chunk[]) {
  const ends = [0]
  for (const { columns, isSpaced } of chunks) ends.push((ends.at(-1) ?? 0) + (isSpaced ? 1 : 0) + columns)
  const columns = (from: number, until: number) =>
    (ends[until] ?? 0) - (ends[from] ?? 0) - (chunks[from]?.isSpaced ? 1 : 0)
  const full: number[] = []
  let until = 0
  for (let from = 0; from <= chunks.length; from++) {
    while (until < chunks.length && columns(from, until + 1) <= LINE_COLUMNS) until++
    full.push(until)
  }
  return { columns, fullLine: (from: number) => full[from] ?? chunks.length }
}

function textOf(chunks: Chunk[]): string {
  return chunks.map(({ text, isSpaced }, index) => (isSpaced && index > 0 ? ' ' : '') + text).join('')
}

/** Extends a cue until it can be read, but not beyond the start of the next one. */
function readable({ start, end, lines, columns }: MeasuredCue, next: number): Cue {
  const readUntil = start + Math.max(MIN_SECONDS, columns / COLUMNS_PER_SECOND)
  return { start, end: Math.max(end, Math.min(readUntil, next)), lines }
}
