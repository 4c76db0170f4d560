import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE, SAMPLES_PER_LEVEL } from '../../media/media.ts'

const VERSION = 2
const BITS = 8

/**
 * Converts the peaks of each channel (two signed bytes every 50 ms, see `DecodedAudio`) to audiowaveform's
 * JSON: for each pixel, the minimum and maximum sample of each channel. Throws `validation` unless
 * `samplesPerPixel` is a multiple of 800.
 */
export function waveformOf(peaks: Uint8Array[], samplesPerPixel = SAMPLES_PER_LEVEL) {
  if (samplesPerPixel % SAMPLES_PER_LEVEL !== 0) {
    throw new VerbatimError(
      'validation',
      `samples_per_pixel is ${samplesPerPixel}: send a multiple of ${SAMPLES_PER_LEVEL}`,
    )
  }
  const pairsPerPixel = samplesPerPixel / SAMPLES_PER_LEVEL
  const channels = peaks.map((bytes) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  const length = Math.ceil(Math.max(...channels.map((samples) => samples.length)) / 2 / pairsPerPixel)
  const data: number[] = []
  for (let pixel = 0; pixel < length; pixel++) {
    for (const channel of channels) {
      data.push(...extremes(channel.subarray(2 * pixel * pairsPerPixel, 2 * (pixel + 1) * pairsPerPixel)))
    }
  }
  return {
    version: VERSION,
    channels: channels.length,
    sample_rate: SAMPLE_RATE,
    samples_per_pixel: samplesPerPixel,
    bits: BITS,
    length,
    data,
  }
}

function extremes(samples: Int8Array): [min: number, max: number] {
  let min = samples[0] ?? 0
  let max = min
  for (const sample of samples) {
    if (sample < min) min = sample
    else if (sample > max) max = sample
  }
  return [min, max]
}
