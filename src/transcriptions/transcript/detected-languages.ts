/** Detected languages, the one with the most speech first. */
export function languagesOf(segments: { start: number; end: number; language: string | null }[]): string[] {
  const seconds = new Map<string, number>()
  for (const { start, end, language } of segments) {
    if (language) seconds.set(language, (seconds.get(language) ?? 0) + end - start)
  }
  return [...seconds].sort((a, b) => b[1] - a[1]).map(([language]) => language)
}
