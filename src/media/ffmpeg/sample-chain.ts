import { createClippingMeter } from './clipping.ts'
import { createLimiter } from './limiter.ts'
import { BLOCK_SAMPLES, createMixer } from './mixer.ts'
import { surroundOf } from './surround.ts'

const BYTES_PER_FLOAT = Float32Array.BYTES_PER_ELEMENT

export type SampleChain = ReturnType<typeof createSampleChain>

/**
 * Takes the decoder's output (interleaved 32-bit floats at 16 kHz, cut anywhere), and passes on mono samples
 * of 16 bits.
 */
export function createSampleChain({
  channels,
  layout,
  write,
}: {
  channels: number
  layout: string | null
  write: (samples: Int16Array<ArrayBuffer>) => void
}) {
  const mixer = channels > 1 ? createMixer({ channels, surround: surroundOf(layout) }) : null
  const limiter = createLimiter()
  const clipping = createClippingMeter()
  let block = new Float32Array(BLOCK_SAMPLES * channels)
  let filled = 0

  function take(full: Float32Array): void {
    clipping.measure(full)
    write(limiter.push(mixer ? mixer.mix(full) : full))
  }

  return {
    write(bytes: Uint8Array): void {
      for (let from = 0; from < bytes.length; ) {
        const part = bytes.subarray(from, from + block.byteLength - filled)
        new Uint8Array(block.buffer).set(part, filled)
        filled += part.length
        from += part.length
        if (filled < block.byteLength) continue
        take(block)
        block = new Float32Array(BLOCK_SAMPLES * channels)
        filled = 0
      }
    },

    finish(): void {
      const samples = Math.floor(filled / BYTES_PER_FLOAT / channels)
      if (samples > 0) {
        block.fill(0, samples * channels)
        clipping.measure(block)
        const last = mixer ? mixer.mix(block) : block
        write(limiter.push(last.slice(0, samples)))
      }
      write(limiter.finish())
    },

    /** The channels, from 0, that were turned because they would have canceled another. */
    inverted: () => mixer?.inverted() ?? [],
    isClipped: () => clipping.isClipped(),
  }
}
