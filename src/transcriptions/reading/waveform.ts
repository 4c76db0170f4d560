import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE, SAMPLES_PER_LEVEL } from '../../media/media.ts'

const VERSION = 2
const BITS = 8

/**
 * Peaks of each channel (two signed bytes every 50 ms, see `DecodedAudio`) → audiowaveform's JSON: for each pixel the
 * least and the greatest sample of each channel by turns. `samplesPerPixel`: a multiple of 800; throws `validation`.
 */
export function waveformOf(peaks: Uint8Array[], samplesPerPixel = SAMPLES_PER_LEVEL) {
  if (samplesPerPixel % SAMPLES_PER_LEVEL !== 0) {
    throw new VerbatimError(
      'validation',
      `samples_per_pixel is ${samplesPerPixel}; it takes a multiple of ${SAMPLES_PER_LEVEL}`,
    )
  }
  const pairs = samplesPerPixel / SAMPLES_PER_LEVEL
  const channels = peaks.map((bytes) => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  const length = Math.ceil(Math.max(...channels.map((one) => one.length)) / 2 / pairs)
  const data: number[] = []
  for (let pixel = 0; pixel < length; pixel++) {
    for (const channel of channels) {
      const among = channel.subarray(2 * pixel * pairs, 2 * (pixel + 1) * pairs)
      data.push(...extremes(among))
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

function extremes(samples: Int8Array): [least: number, greatest: number] {
  let least = samples[0] ?? 0
  let greatest = least
  for (const sample of samples) {
    if (sample < least) least = sample
    else if (sample > greatest) greatest = sample
  }
  return [least, greatest]
}
