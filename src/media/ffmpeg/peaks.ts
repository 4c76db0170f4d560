import { SAMPLES_PER_LEVEL } from '../media.ts'

const BITS_DROPPED = 8

/** For each 50 ms of `samples` (and for a shorter rest) its least and greatest sample, a signed byte each. */
export function peaksOf(samples: Int16Array): Uint8Array {
  const peaks = new Int8Array(2 * Math.ceil(samples.length / SAMPLES_PER_LEVEL))
  for (let from = 0, at = 0; from < samples.length; from += SAMPLES_PER_LEVEL) {
    const to = Math.min(from + SAMPLES_PER_LEVEL, samples.length)
    let least = samples[from] ?? 0
    let greatest = least
    for (let index = from + 1; index < to; index++) {
      const sample = samples[index] ?? 0
      if (sample < least) least = sample
      else if (sample > greatest) greatest = sample
    }
    peaks[at++] = least >> BITS_DROPPED
    peaks[at++] = greatest >> BITS_DROPPED
  }
  return new Uint8Array(peaks.buffer)
}
