/** Samples this close to full scale or above it are loud; above `BEYOND`, they cannot come from clipping. */
const LOUD = 0.9
const BEYOND = 1.25
/** Speech at the highest level that does not clip has less than a tenth of this share of loud samples. */
const CLIPPED_SHARE = 0.02
/** −50 dBFS: quieter samples are pauses. */
const SOUNDING = 0.003

/** Recognizes a recording whose loudest sounds were cut off: too many samples are at full scale. */
export function createClippingMeter() {
  let sounding = 0
  let loud = 0
  let beyond = 0

  return {
    measure(block: Float32Array): void {
      for (let at = 0; at < block.length; at++) {
        const size = Math.abs(block[at] ?? 0)
        if (size < SOUNDING) continue
        sounding += 1
        if (size < LOUD) continue
        if (size > BEYOND) beyond += 1
        else loud += 1
      }
    },
    isClipped: () => loud > CLIPPED_SHARE * sounding && loud > 4 * beyond,
  }
}
