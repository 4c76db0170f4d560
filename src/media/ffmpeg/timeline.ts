import { SAMPLE_RATE } from '../media.ts'

/**
 * From this second of decoded sound on, its timestamps are `shift` seconds ahead of the number of decoded
 * samples.
 */
export type ClockChange = { atSeconds: number; shift: number }

/** Longer gaps are broken timestamps rather than a muted microphone: one hour. */
const MAX_GAP_SECONDS = 3_600
/** Shorter differences are jitter. */
const MIN_GAP_SECONDS = 0.1
/** Timestamps that go back further begin again: another recording follows. */
const RESTART_SECONDS = 1

export type Timeline = ReturnType<typeof createTimeline>

/**
 * Places decoded samples at the times at which a player plays them: gaps of the timestamps become silence.
 * `start`: the timestamp at which a player starts. `write` receives the samples.
 */
export function createTimeline({
  start,
  write,
}: {
  start: number
  write: (samples: Int16Array<ArrayBuffer>) => void
}) {
  const changes: ClockChange[] = []
  const clock = createClock(start)
  /** The last block waits for the next one, since a change behind the last sample has no sound after it. */
  let held: Int16Array<ArrayBuffer> | null = null
  let taken = 0
  let written = 0

  function put(samples: Int16Array<ArrayBuffer>): void {
    if (samples.length > 0) write(samples)
    taken += samples.length
    written += samples.length
  }

  function silence(samples: number): void {
    for (let left = samples; left > 0; left -= SAMPLE_RATE) {
      write(new Int16Array(Math.min(left, SAMPLE_RATE)))
    }
    written += samples
  }

  function apply(change: ClockChange): void {
    silence(Math.round(clock.gapAt(change, written / SAMPLE_RATE) * SAMPLE_RATE))
  }

  function putHeld(): void {
    if (!held) return
    let from = 0
    const start = taken
    for (let next = changes[0]; next; next = changes[0]) {
      const at = Math.round(next.atSeconds * SAMPLE_RATE) - start
      if (at > held.length) break
      changes.shift()
      if (at > from) {
        put(held.subarray(from, at))
        from = at
      }
      apply(next)
    }
    put(from === 0 ? held : held.subarray(from))
    held = null
  }

  return {
    change(next: ClockChange): void {
      changes.push(next)
    },

    /** `samples` must not change until the next call. */
    push(samples: Int16Array<ArrayBuffer>): void {
      putHeld()
      held = samples
    },

    finish(): void {
      if (held) put(held)
      held = null
    },

    /** Appends silence up to the time at which a player ends. */
    extendTo(seconds: number): void {
      const missing = Math.round(seconds * SAMPLE_RATE) - written
      if (missing > 0 && missing <= MAX_GAP_SECONDS * SAMPLE_RATE) silence(missing)
    },

    /** Seconds of each gap that was left out. */
    omitted: clock.omitted,
    seconds: () => written / SAMPLE_RATE,
  }
}

/** Turns timestamps into times of a player. */
function createClock(start: number) {
  const omitted: number[] = []
  /** Seconds added to timestamps: minus the omitted gaps, plus the ends of earlier recordings. */
  let correction = -start

  return {
    omitted: (): readonly number[] => omitted,

    /** Seconds of silence before the sound that follows a change, after `seconds` of the result. */
    gapAt({ atSeconds, shift }: ClockChange, seconds: number): number {
      const ahead = atSeconds + shift + correction - seconds
      if (ahead > MAX_GAP_SECONDS) {
        omitted.push(ahead)
        correction -= ahead
      } else if (ahead < -RESTART_SECONDS) {
        // The timestamps return from a jump: nothing was left out.
        const last = omitted.at(-1)
        if (last !== undefined && Math.abs(last + ahead) < RESTART_SECONDS) omitted.pop()
        correction -= ahead
      } else if (ahead >= MIN_GAP_SECONDS) return ahead
      return 0
    },
  }
}
