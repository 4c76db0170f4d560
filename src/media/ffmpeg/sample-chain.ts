import { BLOCK_SAMPLES } from './block.ts'
import { createClippingMeter } from './clipping.ts'
import { createLimiter } from './limiter.ts'
import { createMixer } from './mixer.ts'
import { surroundOf } from './surround.ts'

/** Blocks are copied together, since copying each by itself takes several times as long. */
const BATCH_BLOCKS = 16
/** Every eighth block is enough to recognize clipping. */
const MEASURED_BLOCKS = 8
const BYTES_PER_FLOAT = Float32Array.BYTES_PER_ELEMENT
const NO_SAMPLES = new Int16Array(0)

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
  let [input, otherInput] = [createInput(channels), createInput(channels)]
  let [output, otherOutput] = [createOutput(), createOutput()]
  let filledBytes = 0
  let filledBlocks = 0

  function pass(samples: number): void {
    if (samples === 0) return
    filledBlocks += 1
    if (samples < BLOCK_SAMPLES || filledBlocks === BATCH_BLOCKS) flush(samples)
  }

  /** `last`: the samples of the last block. */
  function flush(last = BLOCK_SAMPLES): void {
    if (filledBlocks === 0) return
    write(output.samples.subarray(0, (filledBlocks - 1) * BLOCK_SAMPLES + last))
    ;[output, otherOutput] = [otherOutput, output]
    filledBlocks = 0
  }

  function take(block: Float32Array, samples: number): void {
    const mono = mixer ? mixer.mix(block) : block
    const whole = samples === BLOCK_SAMPLES ? mono : mono.subarray(0, samples)
    pass(limiter.push(whole, output.blocks[filledBlocks] ?? NO_SAMPLES))
  }

  /** Takes the first `samples` of each channel from the input. */
  function takeInput(samples: number): void {
    for (const [index, block] of input.blocks.entries()) {
      const left = samples - index * BLOCK_SAMPLES
      if (left <= 0) break
      if (index % MEASURED_BLOCKS === 0) clipping.measure(block)
      take(block, Math.min(left, BLOCK_SAMPLES))
    }
    ;[input, otherInput] = [otherInput, input]
    filledBytes = 0
  }

  return {
    write(bytes: Uint8Array): void {
      for (let from = 0; from < bytes.length; ) {
        const part = bytes.subarray(from, from + input.bytes.length - filledBytes)
        input.bytes.set(part, filledBytes)
        filledBytes += part.length
        from += part.length
        if (filledBytes === input.bytes.length) takeInput(BATCH_BLOCKS * BLOCK_SAMPLES)
      }
    },

    finish(): void {
      const samples = Math.floor(filledBytes / BYTES_PER_FLOAT / channels)
      input.bytes.fill(0, samples * channels * BYTES_PER_FLOAT)
      takeInput(samples)
      pass(limiter.finish(output.blocks[filledBlocks] ?? NO_SAMPLES))
      flush()
    },

    /** The channels, from 0, that were turned because they would have canceled another. */
    inverted: () => mixer?.inverted() ?? [],
    isClipped: () => clipping.isClipped(),
  }
}

function createInput(channels: number) {
  const samples = new Float32Array(BATCH_BLOCKS * BLOCK_SAMPLES * channels)
  return { bytes: new Uint8Array(samples.buffer), blocks: blocksOf(samples, BLOCK_SAMPLES * channels) }
}

function createOutput() {
  const samples = new Int16Array(BATCH_BLOCKS * BLOCK_SAMPLES)
  return { samples, blocks: blocksOf(samples, BLOCK_SAMPLES) }
}

function blocksOf<T extends Float32Array | Int16Array>(samples: T, length: number): T[] {
  return Array.from(
    { length: BATCH_BLOCKS },
    (_, index) => samples.subarray(index * length, (index + 1) * length) as T,
  )
}
