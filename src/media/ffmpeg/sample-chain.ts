import { BLOCK_SAMPLES } from './block.ts'
import { createClippingMeter } from './clipping.ts'
import { createLimiter } from './limiter.ts'
import { createMixer } from './mixer.ts'
import { surroundOf } from './surround.ts'

/** Every eighth block is enough to recognize clipping. */
const MEASURED_BLOCKS = 8
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
  let [block, other] = [
    new Float32Array(BLOCK_SAMPLES * channels),
    new Float32Array(BLOCK_SAMPLES * channels),
  ]
  let [bytesOfBlock, bytesOfOther] = [new Uint8Array(block.buffer), new Uint8Array(other.buffer)]
  let filled = 0
  let blocks = 0

  function take(): void {
    if (blocks % MEASURED_BLOCKS === 0) clipping.measure(block)
    blocks += 1
    write(limiter.push(mixer ? mixer.mix(block) : block))
    ;[block, other] = [other, block]
    ;[bytesOfBlock, bytesOfOther] = [bytesOfOther, bytesOfBlock]
    filled = 0
  }

  return {
    write(bytes: Uint8Array): void {
      for (let from = 0; from < bytes.length; ) {
        const part = bytes.subarray(from, from + block.byteLength - filled)
        bytesOfBlock.set(part, filled)
        filled += part.length
        from += part.length
        if (filled === block.byteLength) take()
      }
    },

    finish(): void {
      const samples = Math.floor(filled / BYTES_PER_FLOAT / channels)
      if (samples > 0) {
        block.fill(0, samples * channels)
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
