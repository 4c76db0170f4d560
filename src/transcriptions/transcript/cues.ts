import { type CutCue, cutIntoCues } from './cue-cuts.ts'
import { joinTexts } from './languages.ts'
import type { TimedText } from './line-breaking.ts'

/** One or two lines that a player shows at a time. Times in seconds, to the millisecond. */
export type Cue = { start: number; end: number; lines: string[]; voice: string | null }

const MIN_SECONDS = 5 / 6
const COLUMNS_PER_SECOND = 20

/** Players do not show a WebVTT cue without duration. */
const SHORTEST_MS = 1

/**
 * Cuts segments into cues of at most two lines of 42 letters (or 16 wide letters) and about 7 seconds. A cue
 * that is too short to read stays until the next cue of its voice or the end of the audio (`seconds`). Cues
 * are sorted by start; only cues of different voices overlap. `labelOf`: a label that is written before the
 * first line, which leaves room for it.
 */
export function cuesOf(
  segments: TimedText[],
  { seconds, labelOf = () => '' }: { seconds: number; labelOf?: (voice: string | null) => string },
): Cue[] {
  const voices = Map.groupBy(segments, ({ voice }) => voice ?? null)
  return [...voices]
    .flatMap(([voice, spoken]) => {
      const labelColumns = labelOf(voice).length
      const cues = withoutOverlap(spoken).flatMap((segment) => cutIntoCues(segment, labelColumns))
      return placed(cues, toMs(seconds)).map((cue) => ({ ...cue, voice }))
    })
    .sort((a, b) => a.start - b.start)
}

/**
 * Ends each segment of a voice where the next one starts: engines let segments overlap slightly. Segments
 * that start at the same time become one, whose time is spread over the text of both.
 */
function withoutOverlap(segments: TimedText[]): TimedText[] {
  const apart: TimedText[] = []
  for (const segment of segments.filter(({ text }) => text.trim() !== '')) {
    const before = apart.pop()
    if (!before) apart.push(segment)
    else if (segment.start <= before.start) apart.push(joined(before, segment))
    else apart.push(endedBy(segment.start, before), segment)
  }
  return apart
}

function joined(before: TimedText, after: TimedText): TimedText {
  const text = joinTexts([before.text, after.text])
  return { ...before, end: Math.max(before.end, after.end), text, words: null }
}

/** Words that start later have wrong times, so that the time is spread over the text instead. */
function endedBy(latest: number, { words, ...segment }: TimedText): TimedText {
  const timedWords = words?.every(({ start }) => start < latest) ? words : null
  return { ...segment, end: Math.min(segment.end, latest), words: timedWords }
}

/** Rounds the times of a voice's cues so that each starts after the one before it and ends by the next one. */
function placed(cues: CutCue[], lastMs: number): Omit<Cue, 'voice'>[] {
  let earliest = 0
  const started = cues.map((cue) => {
    const start = Math.max(earliest, toMs(cue.start))
    earliest = start + SHORTEST_MS
    return { ...cue, start }
  })
  return started.map(({ start, end, lines, columns }, index) => {
    const next = started[index + 1]?.start
    const readUntil = start + toMs(Math.max(MIN_SECONDS, columns / COLUMNS_PER_SECOND))
    const extended = Math.max(toMs(end), start + SHORTEST_MS, Math.min(readUntil, next ?? lastMs))
    return { start: start / 1000, end: Math.min(extended, next ?? extended) / 1000, lines }
  })
}

const toMs = (seconds: number) => Math.round(seconds * 1000)
