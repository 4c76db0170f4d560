import type { ClockChange } from './timeline.ts'

/** ffmpeg's `print` at the level of errors. */
const LEVEL = 16
const DECODED = 'NB_CONSUMED_SAMPLES/SR'

/**
 * Prints the seconds of sound before a frame, and how far its timestamp is ahead of them, whenever that
 * changes by more than 0.1 s. Then numbers the samples without gaps.
 */
export const CLOCK_FILTER = `asetpts='${[
  `st(0,PTS*TB-${DECODED})`,
  `if(gt(abs(ld(0)-ld(1)),0.1),print(${DECODED},${LEVEL})+print(ld(0),${LEVEL})+st(1,ld(0)),0)`,
  `${DECODED}/TB`,
].join(';')}'`

/** Reads the lines that `CLOCK_FILTER` prints, in pairs. `read` returns whether the line was one of them. */
export function createClockReader(onChange: (change: ClockChange) => void) {
  let atSeconds: number | null = null

  return {
    read(line: string): boolean {
      if (!/^-?\d+\.\d{6}$/.test(line)) return false
      if (atSeconds === null) atSeconds = Number(line)
      else {
        onChange({ atSeconds, shift: Number(line) })
        atSeconds = null
      }
      return true
    },
  }
}
