import type { Block, Unit } from './blocks.ts'

/** A word stays highlighted for this long after its end, if no other begins. */
const HOLD_SECONDS = 1
/** A shorter pause belongs to the speech around it. */
const SILENCE_SECONDS = 1.5
/** Speech begins this long before its first word. */
const LEAD_SECONDS = 0.25

/** The units of all blocks by time. */
export function createTimeline(blocks: readonly Block[]) {
  const units = blocks.flatMap((block) => block.units)
  const blockOf = new Uint32Array(units.length)
  for (const { index, units } of blocks) for (const unit of units) blockOf[unit.index] = index
  // Speakers can interrupt each other, so that the order of the text is not that of the times.
  const order = units.toSorted((a, b) => a.start - b.start)
  const starts = Float64Array.from(order, ({ start }) => start)
  const speech = speechOf(order)
  const speechStarts = Float64Array.from(speech, ({ start }) => start)

  return {
    units,
    blockOf: (unit: Unit) => blockOf[unit.index] ?? 0,

    /** The unit that is spoken at a time; null in silence. */
    at(seconds: number): Unit | null {
      const unit = order[lastAtOrBefore(starts, seconds)]
      return unit && seconds < unit.end + HOLD_SECONDS ? unit : null
    },

    /** The unit `steps` after the one at a time. */
    step(seconds: number, steps: number): Unit | null {
      const position = lastAtOrBefore(starts, seconds) + steps
      return order[Math.min(Math.max(position, 0), order.length - 1)] ?? null
    },

    /** Where the next speech begins, if a time is in a silence. */
    speechAfter(seconds: number): number | null {
      const position = lastAtOrBefore(speechStarts, seconds + LEAD_SECONDS)
      const before = speech[position]
      if (before && seconds < before.end) return null
      const next = speech[position + 1]
      return next ? Math.max(0, next.start - LEAD_SECONDS) : null
    },
  }
}

/** Speech without its short pauses. */
function speechOf(order: readonly Unit[]): { start: number; end: number }[] {
  const speech: { start: number; end: number }[] = []
  for (const { start, end } of order) {
    const last = speech.at(-1)
    if (last && start - last.end < SILENCE_SECONDS) last.end = Math.max(last.end, end)
    else speech.push({ start, end })
  }
  return speech
}

/** The position of the last value that is not greater; -1 if all are. */
function lastAtOrBefore(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}
