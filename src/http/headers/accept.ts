/**
 * Chooses the media type that an Accept header (RFC 9110 §12.5.1) prefers; among equals, and without a
 * header, the first. Null if the header accepts none of them.
 */
export function preferredType<const T extends string>(header: string | null, types: readonly T[]): T | null {
  const ranges = (header ?? '').split(',').flatMap(rangeIn)
  if (ranges.length === 0) return types[0] ?? null
  let best: { type: T; quality: number } | null = null
  for (const type of types) {
    const quality = qualityOf(type, ranges)
    if (quality > (best?.quality ?? 0)) best = { type, quality }
  }
  return best?.type ?? null
}

type Range = { type: string; quality: number }

function rangeIn(text: string): Range[] {
  const [type = '', ...parameters] = text.split(';').map((parameter) => parameter.trim().toLowerCase())
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return []
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return [{ type, quality: quality === undefined ? 1 : Number(quality) || 0 }]
}

/** The most specific range that matches a type determines its quality. */
function qualityOf(type: string, ranges: Range[]): number {
  for (const range of [type, type.replace(/\/.*/, '/*'), '*/*']) {
    const match = ranges.find(({ type }) => type === range)
    if (match) return match.quality
  }
  return 0
}
