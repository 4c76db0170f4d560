import { SAMPLES_PER_LEVEL } from '../media.ts'

const BITS_DROPPED = 8

/**
 * The minimum and maximum sample of each 50 ms of `samples` (the last may be shorter), a signed byte each.
 */
export function peaksOf(samples: Int16Array): Uint8Array {
  const peaks = new Int8Array(2 * Math.ceil(samples.length / SAMPLES_PER_LEVEL))
  for (let from = 0, at = 0; from < samples.length; from += SAMPLES_PER_LEVEL) {
    const to = Math.min(from + SAMPLES_PER_LEVEL, samples.length)
    let min = samples[from] ?? 0
    let max = min
    for (let index = from + 1; index < to; index++) {
      const sample = samples[index] ?? 0
      if (sample < min) min = sample
      else if (sample > max) max = sample
    }
    peaks[at++] = min >> BITS_DROPPED
    peaks[at++] = max >> BITS_DROPPED
  }
  return new Uint8Array(peaks.buffer)
}
