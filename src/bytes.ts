export function concatenated(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Takes the same time wherever they differ. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.reduce((differing, byte, at) => differing | (byte ^ (b[at] ?? 0)), a.length ^ b.length) === 0
}
