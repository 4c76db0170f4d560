import { SAMPLES_PER_LEVEL } from '../media.ts'

const FLOOR_DB = -90
const FULL_SCALE = 32_768

/**
 * One byte per 50 ms of `samples` (the last may be shorter): RMS from −90 dBFS (0) to 0 dBFS (255), linear in
 * dB.
 */
export function levelsOf(samples: Int16Array): Uint8Array {
  const levels = new Uint8Array(Math.ceil(samples.length / SAMPLES_PER_LEVEL))
  for (let index = 0; index < levels.length; index++) {
    const from = index * SAMPLES_PER_LEVEL
    const to = Math.min(from + SAMPLES_PER_LEVEL, samples.length)
    let squares = 0
    for (let at = from; at < to; at++) {
      const sample = samples[at] ?? 0
      squares += sample * sample
    }
    levels[index] = levelOf(squares / (to - from))
  }
  return levels
}

function levelOf(meanSquare: number): number {
  const db = 10 * Math.log10(meanSquare / (FULL_SCALE * FULL_SCALE))
  return Math.round(255 * Math.min(1, Math.max(0, 1 - db / FLOOR_DB)))
}
