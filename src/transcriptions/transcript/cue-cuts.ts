import { type Chunk, chunksOf, joinChunks, SENTENCE_END, type TimedText } from './line-breaking.ts'

/** A cue with the times of its words, before the cues around it are known. */
export type CutCue = { start: number; end: number; lines: string[]; columns: number }

// Recommended by the style guides of streaming services for most languages.
const LINE_COLUMNS = 42
const CUE_SECONDS = 7

/** A narrower cue is too short to be worth a cue of its own. */
const SLIVER_COLUMNS = 16
const PAUSE_SECONDS = 0.5
const CLAUSE_END = /[,;:–—，、；：][\p{Pe}\p{Pf}"']*$/u

/**
 * Cuts a segment into cues of at most two lines, preferably at the end of a sentence or clause or at a pause.
 * `labelColumns`: the width of the label that is written before the first line of each cue.
 */
export function cutIntoCues(segment: TimedText, labelColumns: number): CutCue[] {
  const firstLineColumns = Math.max(LINE_COLUMNS / 2, LINE_COLUMNS - labelColumns)
  const chunks = chunksOf(segment, firstLineColumns)
  const starts = cheapestCuts(chunks, firstLineColumns)
  return starts.map((from, index) => toCue(chunks.slice(from, starts[index + 1]), firstLineColumns))
}

/**
 * The first chunk of each cue. Dynamic programming finds the cheapest cuts: `best[i]` is the cheapest way to
 * cut the first `i` chunks.
 */
function cheapestCuts(chunks: Chunk[], firstLineColumns: number): number[] {
  const columns = widthOf(chunks)
  const firstLines = fullLines(chunks, firstLineColumns)
  const secondLines = fullLines(chunks, LINE_COLUMNS)
  const fullCue = (from: number) => secondLines[firstLines[from] ?? from] ?? chunks.length
  const best = [{ cost: 0, from: 0 }]
  for (let until = 1; until <= chunks.length; until++) {
    let cheapest = { cost: Number.POSITIVE_INFINITY, from: until - 1 }
    for (let from = until - 1; from >= 0 && fullCue(from) >= until; from--) {
      const [first, last, next] = [chunks[from], chunks[until - 1], chunks[until]]
      const seconds = (last?.end ?? 0) - (first?.start ?? 0)
      const tooLong = from < until - 1 ? Math.max(0, seconds - CUE_SECONDS) : 0
      const sliver = Math.max(0, 1 - columns(from, until) / SLIVER_COLUMNS)
      const cost = (best[from]?.cost ?? 0) + 1 + breakCost(last, next) + tooLong + sliver
      if (cost < cheapest.cost) cheapest = { cost, from }
    }
    best.push(cheapest)
  }
  const starts: number[] = []
  for (let until = chunks.length; until > 0; until = best[until]?.from ?? 0) {
    starts.unshift(best[until]?.from ?? 0)
  }
  return starts
}

/** From 0 at the end of a sentence to 2 in the middle of a phrase, which is worse than another cue. */
function breakCost(last: Chunk | undefined, next: Chunk | undefined): number {
  if (!last || !next || SENTENCE_END.test(last.text)) return 0
  if (next.start - last.end >= PAUSE_SECONDS) return 0.4
  return CLAUSE_END.test(last.text) ? 0.6 : 2
}

function toCue(chunks: Chunk[], firstLineColumns: number): CutCue {
  return {
    start: chunks[0]?.start ?? 0,
    end: chunks.at(-1)?.end ?? 0,
    lines: linesOf(chunks, firstLineColumns).map(joinChunks),
    columns: widthOf(chunks)(0, chunks.length),
  }
}

/** One line if the text fits, else two lines of similar length, preferably broken after a clause. */
function linesOf(chunks: Chunk[], firstLineColumns: number): Chunk[][] {
  const columns = widthOf(chunks)
  if (columns(0, chunks.length) <= firstLineColumns) return [chunks]
  let best = { cost: Number.POSITIVE_INFINITY, at: chunks.length }
  for (let at = 1; at < chunks.length; at++) {
    const [first, second] = [columns(0, at), columns(at, chunks.length)]
    if (first > firstLineColumns || second > LINE_COLUMNS) continue
    const label = LINE_COLUMNS - firstLineColumns
    const cost = Math.abs(label + first - second) / LINE_COLUMNS + breakCost(chunks[at - 1], chunks[at]) / 4
    if (cost < best.cost) best = { cost, at }
  }
  return [chunks.slice(0, best.at), chunks.slice(best.at)]
}

/** Returns a function that measures the chunks [from, until) in columns. */
function widthOf(chunks: Chunk[]) {
  const ends = [0]
  for (const { columns, isSpaced } of chunks) ends.push((ends.at(-1) ?? 0) + (isSpaced ? 1 : 0) + columns)
  return (from: number, until: number) =>
    (ends[until] ?? 0) - (ends[from] ?? 0) - (chunks[from]?.isSpaced ? 1 : 0)
}

/** For each chunk, the end of the longest line that starts with it. */
function fullLines(chunks: Chunk[], lineColumns: number): number[] {
  const columns = widthOf(chunks)
  const full: number[] = []
  let until = 0
  for (let from = 0; from <= chunks.length; from++) {
    while (until < chunks.length && columns(from, until + 1) <= lineColumns) until++
    full.push(until)
  }
  return full
}
