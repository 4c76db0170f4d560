import { SAMPLE_RATE } from '../media.ts'

/** Samples of a channel that share their weights: 20 ms. */
const BLOCK = SAMPLE_RATE / 50
/** A channel this far below the loudest has half the weight of an equally loud one: −13 dB. */
const HALF_WEIGHT = 0.05
/** How much of a channel's power lasts to the next block: it falls by 23 dB a second. */
const RELEASE = 0.9
/** How much of the measured polarity lasts to the next block: 2 s. */
const MEMORY = 0.99
/** Correlations from which a channel is turned, and from which it counts as inverted. */
const TURN = -0.5
const INVERTED = -0.9
/** The dialogue of films is in the centre. */
const CENTER_WEIGHT = 4
/** The power of the differences of samples to that of the samples, below which a sound is only bass: 250 Hz. */
const BASS = 0.01
/** −90 dBFS. */
const SILENCE = 1e-9

/** The positions of two channels of a surround layout; null if it has none. */
export type Surround = { center: number | null; lowFrequency: number | null }

/**
 * Mixes channels to one. The weights of a block of 20 ms add up to 1, so that the mix never exceeds the
 * loudest channel: silent channels have none, and channels of similar loudness have equal ones. A channel of
 * opposite polarity is turned. Returns a function that mixes whole blocks: `BLOCK` × `channels` samples,
 * interleaved.
 */
export function createMixer({ channels, surround }: { channels: number; surround: Surround | null }) {
  /** Of the block, and with a memory of the blocks before. */
  const current = new Float64Array(channels)
  const power = new Float64Array(channels)
  const weights = new Float64Array(channels).fill(1 / channels)
  const polarity = createPolarity(channels)
  let [mixed, other] = [new Float32Array(BLOCK), new Float32Array(BLOCK)]

  function measure(block: Float32Array): void {
    for (let channel = 0; channel < channels; channel++) {
      let squares = 0
      for (let at = channel; at < block.length; at += channels) {
        const sample = block[at] ?? 0
        squares += sample * sample
      }
      const now = squares / BLOCK
      current[channel] = now
      const isBass = channel === surround?.lowFrequency && isOnlyBass(block, { channel, channels, squares })
      power[channel] = isBass ? 0 : Math.max(now, RELEASE * (power[channel] ?? 0))
    }
  }

  function nextWeights(): Float64Array {
    const loudest = power.reduce((max, each) => Math.max(max, each), 0)
    const next = weights.slice()
    if (loudest < SILENCE) return next
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
        const step = ((next[channel] ?? 0) - weight) / BLOCK
        if (weight === 0 && step === 0) continue
        for (let at = 0, from = channel; at < BLOCK; at++, from += channels) {
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

/** Compares each channel with the loudest one over the last seconds. */
function createPolarity(channels: number) {
  const signs = new Int8Array(channels).fill(1)
  const products = new Float64Array(channels)
  const squares = new Float64Array(channels)
  const sounding = new Float64Array(channels)
  const inverted = new Float64Array(channels)
  let reference = 0

  function follow(loudest: number): void {
    reference = loudest
    products.fill(0)
  }

  return {
    signOf: (channel: number) => signs[channel] ?? 1,

    measure(block: Float32Array, power: Float64Array): void {
      for (let channel = 0; channel < channels; channel++) {
        squares[channel] = MEMORY * (squares[channel] ?? 0) + (power[channel] ?? 0) * BLOCK
      }
      const loudest = squares.reduce(
        (best, each, index) => (each > 2 * (squares[best] ?? 0) ? index : best),
        reference,
      )
      if (loudest !== reference) follow(loudest)
      for (let channel = 0; channel < channels; channel++) {
        if (channel === reference || (power[channel] ?? 0) < SILENCE) continue
        let product = 0
        for (let at = channel, other = reference; at < block.length; at += channels, other += channels) {
          product += (block[at] ?? 0) * (block[other] ?? 0)
        }
        products[channel] = MEMORY * (products[channel] ?? 0) + product
        const scale = Math.sqrt((squares[channel] ?? 0) * (squares[reference] ?? 0))
        const correlation = (products[channel] ?? 0) / scale
        if (Math.abs(correlation) > -TURN)
          signs[channel] = (correlation < 0 ? -1 : 1) * (signs[reference] ?? 1)
        sounding[channel] = (sounding[channel] ?? 0) + 1
        if (correlation < INVERTED) inverted[channel] = (inverted[channel] ?? 0) + 1
      }
    },

    inverted(): number[] {
      return [...inverted.keys()].filter((channel) => {
        const blocks = sounding[channel] ?? 0
        return blocks > 0 && (inverted[channel] ?? 0) > blocks / 2
      })
    },
  }
}

export const BLOCK_SAMPLES = BLOCK
