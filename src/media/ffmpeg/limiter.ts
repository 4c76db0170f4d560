const FULL_SCALE = 32_768
const MAX_SAMPLE = 32_767
/** The share of the missing gain that comes back in a block of 20 ms: most of it within 2 s. */
const RECOVERY = 0.01

/**
 * Turns blocks of samples into 16 bits. What exceeds full scale is made quieter as a whole, not cut off: the
 * gain falls during the block before the loud one. Returns each block with the delay of one.
 */
export function createLimiter() {
  let waiting: Float32Array | null = null
  let waitingGain = 1
  let gain = 1

  /** The highest gain at which a block does not exceed full scale. */
  function fittingGain(block: Float32Array): number {
    let peak = 1
    for (let at = 0; at < block.length; at++) {
      const size = Math.abs(block[at] ?? 0)
      if (size > peak) peak = size
    }
    return 1 / peak
  }

  function release(next: number): Int16Array<ArrayBuffer> {
    if (!waiting) return new Int16Array(0)
    const samples = new Int16Array(waiting.length)
    const target = Math.min(waitingGain, next, gain + (1 - gain) * RECOVERY)
    if (gain === 1 && target === 1) {
      for (let at = 0; at < samples.length; at++) {
        samples[at] = Math.min(MAX_SAMPLE, Math.round((waiting[at] ?? 0) * FULL_SCALE))
      }
      return samples
    }
    const step = (target - gain) / samples.length
    for (let at = 0; at < samples.length; at++) {
      gain += step
      const sample = Math.round((waiting[at] ?? 0) * gain * FULL_SCALE)
      samples[at] = Math.max(-FULL_SCALE, Math.min(MAX_SAMPLE, sample))
    }
    gain = target
    return samples
  }

  return {
    push(block: Float32Array): Int16Array<ArrayBuffer> {
      const next = fittingGain(block)
      const samples = release(next)
      waiting = block
      waitingGain = next
      return samples
    },
    finish(): Int16Array<ArrayBuffer> {
      const samples = release(1)
      waiting = null
      return samples
    },
  }
}
