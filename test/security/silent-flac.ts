/**
 * The lowest sample rate that the service accepts, and the format's largest block: 65,535 samples in 13
 * bytes.
 */
const RATE = 4_000
const BLOCK = 65_535

/**
 * A silent FLAC file that is tiny for its length: 24 hours have 75 KB. `claimedSeconds`: the length in its
 * header; null leaves it out, as the format allows (RFC 9639 §8.2).
 */
export function silentFlac({
  seconds,
  claimedSeconds = seconds,
}: {
  seconds: number
  claimedSeconds?: number | null
}): Uint8Array<ArrayBuffer> {
  const frames = Math.ceil((seconds * RATE) / BLOCK)
  const bytes = [...new TextEncoder().encode('fLaC'), ...streamInfo(Math.round((claimedSeconds ?? 0) * RATE))]
  for (let frame = 0; frame < frames; frame++) bytes.push(...silentFrame(frame))
  return Uint8Array.from(bytes)
}

/** The length of the file, which consists of whole blocks. */
export const silentSeconds = (seconds: number) => (Math.ceil((seconds * RATE) / BLOCK) * BLOCK) / RATE

function streamInfo(samples: number): number[] {
  const block = [BLOCK >> 8, BLOCK & 255]
  // 20 bits of sample rate, 3 of channels - 1, 5 of bits per sample - 1, 36 of samples.
  const facts = (BigInt(RATE) << 44n) | (15n << 36n) | BigInt(samples)
  const packed = Array.from({ length: 8 }, (_, at) => Number((facts >> BigInt(56 - 8 * at)) & 255n))
  return [0x80, 0, 0, 34, ...block, ...block, ...Array(6).fill(0), ...packed, ...Array(16).fill(0)]
}

/**
 * RFC 9639 §9: fixed blocks; size and rate (in kHz) follow the frame number; mono, 16 bits; one constant
 * subframe.
 */
function silentFrame(number: number): number[] {
  const head = [
    0xff,
    0xf8,
    0x7c,
    0x08,
    ...encodedNumber(number),
    (BLOCK - 1) >> 8,
    (BLOCK - 1) & 255,
    RATE / 1000,
  ]
  const frame = [...head, crc({ bytes: head, bits: 8, polynomial: 0x07 }), 0, 0, 0]
  const check = crc({ bytes: frame, bits: 16, polynomial: 0x8005 })
  return [...frame, check >> 8, check & 255]
}

/** The UTF-8 encoding of the character with this number. */
function encodedNumber(number: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(number))]
}

function crc({ bytes, bits, polynomial }: { bytes: number[]; bits: number; polynomial: number }): number {
  const top = 1 << (bits - 1)
  let value = 0
  for (const byte of bytes) {
    value ^= byte << (bits - 8)
    for (let bit = 0; bit < 8; bit++) value = value & top ? (value << 1) ^ polynomial : value << 1
    value &= (1 << bits) - 1
  }
  return value
}
