import { BLOCK_SAMPLES, SILENT_POWER } from './block.ts'

/** How much of the measured polarity lasts to the next block: 2 s. */
const MEMORY = 0.99
/** Correlations from which a channel is turned, and from which it counts as inverted. */
const TURN = -0.5
const INVERTED = -0.9

/** Compares each channel with the loudest one over the last seconds. */
export function createPolarity(channels: number) {
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
        squares[channel] = MEMORY * (squares[channel] ?? 0) + (power[channel] ?? 0) * BLOCK_SAMPLES
      }
      const loudest = squares.reduce(
        (best, each, index) => (each > 2 * (squares[best] ?? 0) ? index : best),
        reference,
      )
      if (loudest !== reference) follow(loudest)
      for (let channel = 0; channel < channels; channel++) {
        if (channel === reference || (power[channel] ?? 0) < SILENT_POWER) continue
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
