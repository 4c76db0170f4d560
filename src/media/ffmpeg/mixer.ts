import { BLOCK_SAMPLES, SILENT_POWER } from './block.ts'
import { createPolarity } from './polarity.ts'

/** A channel this far below the loudest has half the weight of an equally loud one: −13 dB. */
const HALF_WEIGHT = 0.05
/** How much of a channel's power lasts to the next block: it falls by 23 dB a second. */
const RELEASE = 0.9
/** The dialogue of films is in the centre. */
const CENTER_WEIGHT = 4
/** The power of the differences of samples to that of the samples, below which a sound is only bass: 250 Hz. */
const BASS = 0.01

/** The positions of two channels of a surround layout; null if it has none. */
export type Surround = { center: number | null; lowFrequency: number | null }

/**
 * Mixes channels to one. The weights of a block of 20 ms add up to 1, so that the mix never exceeds the
 * loudest channel: silent channels have none, and channels of similar loudness have equal ones. A channel of
 * opposite polarity is turned. Returns a function that mixes whole blocks: `BLOCK_SAMPLES` ×
 * `channels` samples, interleaved.
 */
export function createMixer({ channels, surround }: { channels: number; surround: Surround | null }) {
  /** Of the block, and with a memory of the blocks before. */
  const current = new Float64Array(channels)
  const power = new Float64Array(channels)
  const weights = new Float64Array(channels).fill(1 / channels)
  const polarity = createPolarity(channels)
  let [mixed, other] = [new Float32Array(BLOCK_SAMPLES), new Float32Array(BLOCK_SAMPLES)]

  function measure(block: Float32Array): void {
    for (let channel = 0; channel < channels; channel++) {
      let squares = 0
      for (let at = channel; at < block.length; at += channels) {
        const sample = block[at] ?? 0
        squares += sample * sample
      }
      const now = squares / BLOCK_SAMPLES
      current[channel] = now
      const isBass = channel === surround?.lowFrequency && isOnlyBass(block, { channel, channels, squares })
      power[channel] = isBass ? 0 : Math.max(now, RELEASE * (power[channel] ?? 0))
    }
  }

  function nextWeights(): Float64Array {
    const loudest = power.reduce((max, each) => Math.max(max, each), 0)
    const next = weights.slice()
    if (loudest < SILENT_POWER) return next
    let sum = 0
    for (let channel = 0; channel < channels; channel++) {
      const own = power[channel] ?? 0
      const weight =
        (own / (own + HALF_WEIGHT * loudest)) * (channel === surround?.center ? CENTER_WEIGHT : 1)
      next[channel] = weight
      sum += weight
    }
    for (let channel = 0; channel < channels; channel++) {
      next[channel] = ((next[channel] ?? 0) / sum) * polarity.signOf(channel)
    }
    return next
  }

  return {
    /** The returned block is overwritten by the call after the next. */
    mix(block: Float32Array): Float32Array {
      measure(block)
      polarity.measure(block, current)
      const next = nextWeights()
      ;[mixed, other] = [other, mixed]
      mixed.fill(0)
      for (let channel = 0; channel < channels; channel++) {
        let weight = weights[channel] ?? 0
        const step = ((next[channel] ?? 0) - weight) / BLOCK_SAMPLES
        if (weight === 0 && step === 0) continue
        for (let at = 0, from = channel; at < BLOCK_SAMPLES; at++, from += channels) {
          weight += step
          mixed[at] = (mixed[at] ?? 0) + weight * (block[from] ?? 0)
        }
      }
      weights.set(next)
      return mixed
    },
    /** The channels, from 0, that have mostly been the inverse of the loudest one. */
    inverted: () => polarity.inverted(),
  }
}

function isOnlyBass(
  block: Float32Array,
  { channel, channels, squares }: { channel: number; channels: number; squares: number },
): boolean {
  let differences = 0
  let before = block[channel] ?? 0
  for (let at = channel; at < block.length; at += channels) {
    const sample = block[at] ?? 0
    differences += (sample - before) * (sample - before)
    before = sample
  }
  return differences < BASS * squares
}
