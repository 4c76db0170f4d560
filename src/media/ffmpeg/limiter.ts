const FULL_SCALE = 32_768
const MAX_SAMPLE = 32_767
/** The share of the missing gain that comes back in a block of 20 ms: most of it within 2 s. */
const RECOVERY = 0.01

/**
 * Turns blocks of samples into 16 bits. What exceeds full scale is made quieter as a whole, not cut off: the
 * gain falls during the block before the loud one. Therefore each call writes the block of the call before to
 * `output`, and returns the number of its samples.
 */
export function createLimiter() {
  let waiting: Float32Array | null = null
  let waitingGain = 1
  let gain = 1

  function release(next: number, output: Int16Array): number {
    if (!waiting) return 0
    const target = Math.min(waitingGain, next, gain + (1 - gain) * RECOVERY)
    if (gain === 1 && target === 1) convert(waiting, output)
    else convertRamped(waiting, output, { from: gain, to: target })
    gain = target
    return waiting.length
  }

  return {
    /** `block` must not change until the next call. */
    push(block: Float32Array, output: Int16Array): number {
      const next = fittingGain(block)
      const samples = release(next, output)
      waiting = block
      waitingGain = next
      return samples
    },
    finish(output: Int16Array): number {
      const samples = release(1, output)
      waiting = null
      return samples
    },
  }
}

/** The highest gain at which a block does not exceed full scale. */
function fittingGain(block: Float32Array): number {
  let peak = 1
  for (let at = 0; at < block.length; at++) {
    const size = Math.abs(block[at] ?? 0)
    if (size > peak) peak = size
  }
  return 1 / peak
}

/** Rounds like `Math.round`, at a third of its cost. */
function convert(block: Float32Array, samples: Int16Array): void {
  for (let at = 0; at < block.length; at++) {
    const sample = (((block[at] ?? 0) * FULL_SCALE + FULL_SCALE + 0.5) | 0) - FULL_SCALE
    samples[at] = Math.min(sample, MAX_SAMPLE)
  }
}

function convertRamped(
  block: Float32Array,
  samples: Int16Array,
  { from, to }: { from: number; to: number },
): void {
  const step = (to - from) / block.length
  let gain = from
  for (let at = 0; at < block.length; at++) {
    gain += step
    const sample = Math.round((block[at] ?? 0) * gain * FULL_SCALE)
    samples[at] = Math.max(-FULL_SCALE, Math.min(MAX_SAMPLE, sample))
  }
}
