import { SAMPLE_RATE, SAMPLES_PER_LEVEL } from './media.ts'

export type Span = { startSample: number; endSample: number }

/** A cut may lie this share of the target before or after where it should. */
const SEARCH_SHARE = 0.25

/** Levels on each side of a cut that must be quiet: 0.15 s. */
const NEAR = 3

/** Among the quietest, what lies up to 0.5 s away favours the middle of a pause, and the longer pause. */
const AROUND = [4, 5, 6, 7, 8, 9, 10]

/** How far behind a cut its choice looks, in samples. */
const REACH = Math.max(...AROUND) * SAMPLES_PER_LEVEL

/** Levels this close (about 1 dB) count as equally quiet. */
const SAME_LEVEL = 3

/**
 * Cuts [startSample, endSample) into spans that follow each other without gap or overlap, none over `maxSeconds`.
 * Each cut lies in the middle of the quietest 0.3 s within a quarter of the target length around it; the last two
 * spans share what is left, so that none is a sliver. An empty range gives no span.
 *
 * `levels`: of the pcm, from its first sample (see `PcmPiece`); what they do not reach counts as silent.
 * `isWhole` (by default true): false where more audio may follow after `endSample`: then it gives the spans that come out the same
 * whatever follows, and going on behind the last of them gives the others.
 */
export function planSpans(options: {
  levels: Uint8Array
  startSample: number
  endSample: number
  targetSeconds: number
  maxSeconds: number
  isWhole?: boolean
}): Span[] {
  const { startSample, endSample, isWhole = true } = options
  const max = Math.max(1, Math.floor(options.maxSeconds * SAMPLE_RATE))
  const target = Math.min(max, Math.max(1, Math.floor(options.targetSeconds * SAMPLE_RATE)))
  const slack = Math.floor(target * SEARCH_SHARE)
  const quiet = quietness(options.levels)
  const spans: Span[] = []
  const leaves = isWhole ? Math.min(max, target + slack) : Math.max(2 * target, target + slack + REACH) - 1
  let from = startSample
  while (endSample - from > leaves) {
    const rest = endSample - from
    const lastTwo = rest < 2 * target
    const ideal = lastTwo ? Math.ceil(rest / 2) : target
    const to = quietestCut(quiet, {
      ideal: from + ideal,
      earliest: from + Math.max(ideal - slack, lastTwo ? rest - max : 0),
      latest: from + Math.min(ideal + slack, max),
    })
    spans.push({ startSample: from, endSample: to })
    from = to
  }
  if (isWhole && from < endSample) spans.push({ startSample: from, endSample })
  return spans
}

type Quietness = (boundary: number, reach: number) => number

/** Mean level within `reach` levels on each side of a boundary between two. */
function quietness(levels: Uint8Array): Quietness {
  const sums = new Float64Array(levels.length + 1)
  for (const [index, level] of levels.entries()) sums[index + 1] = (sums[index] ?? 0) + level
  const sumTo = (index: number) => sums[Math.min(Math.max(index, 0), levels.length)] ?? 0
  return (boundary, reach) => (sumTo(boundary + reach) - sumTo(boundary - reach)) / (2 * reach)
}

/** The quietest boundary between two levels from `earliest` to `latest` (samples); `ideal` where there is none. */
function quietestCut(
  quiet: Quietness,
  { ideal, earliest, latest }: { ideal: number; earliest: number; latest: number },
): number {
  let best: { cut: number; score: [number, number, number] } | undefined
  const last = Math.floor(latest / SAMPLES_PER_LEVEL)
  for (let boundary = Math.ceil(earliest / SAMPLES_PER_LEVEL); boundary <= last; boundary++) {
    const cut = boundary * SAMPLES_PER_LEVEL
    const score: [number, number, number] = [
      Math.round(quiet(boundary, NEAR) / SAME_LEVEL),
      Math.round(AROUND.reduce((sum, reach) => sum + quiet(boundary, reach), 0) / SAME_LEVEL),
      Math.abs(cut - ideal),
    ]
    if (!best || isLower(score, best.score)) best = { cut, score }
  }
  return best?.cut ?? ideal
}

function isLower(a: number[], b: number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0
    if (value !== other) return value < other
  }
  return false
}
