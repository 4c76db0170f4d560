import { SAMPLE_RATE, SAMPLES_PER_LEVEL } from './media.ts'

export type Span = { startSample: number; endSample: number }

/** A cut may be this share of the target length before or after its ideal position. */
const SEARCH_SHARE = 0.25

/** Levels on each side of a cut that must be quiet: 0.15 s. */
const QUIET_REACH = 3

/**
 * Among the quietest cuts, levels up to 0.5 s away decide: they favour the middle of a pause, and longer
 * pauses.
 */
const WIDER_REACHES = [4, 5, 6, 7, 8, 9, 10]

/** Samples after a cut that its choice depends on. */
const LOOKAHEAD = Math.max(...WIDER_REACHES) * SAMPLES_PER_LEVEL

/** Levels this close (about 1 dB) count as equally quiet. */
const SAME_LEVEL = 3

/**
 * Cuts [startSample, endSample) into spans without gap or overlap, none longer than `maxSeconds`. Each cut is
 * in the middle of the quietest 0.3 s within a quarter of the target length around its ideal position. The
 * last two spans share the rest equally, so that none is very short. An empty range has no span.
 *
 * `levels`: levels of the pcm from its first sample (see `PcmPiece`); beyond their end it counts as silent.
 * `isWhole` (default: true): false if more audio may follow after `endSample`. Then only the spans are
 * returned that do not depend on it; a later call that starts after the last of them returns the others.
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
  const leaves = isWhole
    ? Math.min(max, target + slack)
    : Math.max(2 * target, target + slack + LOOKAHEAD) - 1
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

/**
 * The quietest boundary between two levels from `earliest` to `latest` (samples); `ideal` if there is none.
 */
function quietestCut(
  quiet: Quietness,
  { ideal, earliest, latest }: { ideal: number; earliest: number; latest: number },
): number {
  let best: { cut: number; score: [number, number, number] } | undefined
  const last = Math.floor(latest / SAMPLES_PER_LEVEL)
  for (let boundary = Math.ceil(earliest / SAMPLES_PER_LEVEL); boundary <= last; boundary++) {
    const cut = boundary * SAMPLES_PER_LEVEL
    const score: [number, number, number] = [
      Math.round(quiet(boundary, QUIET_REACH) / SAME_LEVEL),
      Math.round(WIDER_REACHES.reduce((sum, reach) => sum + quiet(boundary, reach), 0) / SAME_LEVEL),
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
