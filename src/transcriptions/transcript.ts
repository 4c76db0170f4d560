export type Cue = { start: number; end: number; text: string }

export const TRANSCRIPT_FORMATS = ['json', 'txt', 'srt', 'vtt'] as const
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number]

/** SubRip: numbered cues, a comma before the milliseconds, a blank line after each. */
export function toSrt(segments: Cue[]): string {
  return segments
    .map(
      ({ start, end, text }, index) =>
        `${index + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${oneLine(text)}\n\n`,
    )
    .join('')
}

/** WebVTT (W3C): `&`, `<` and `>` are escaped, so that `-->` cannot stand in a cue. */
export function toVtt(segments: Cue[]): string {
  const cues = segments.map(
    ({ start, end, text }) => `${clock(start, '.')} --> ${clock(end, '.')}\n${escapeVtt(oneLine(text))}\n\n`,
  )
  return `WEBVTT\n\n${cues.join('')}`
}

/** A blank line would end the cue, and what follows it be read as the next. */
function oneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n]\s*/g, ' ')
}

/** 3661.5 → `01:01:01.500` */
function clock(seconds: number, point: ',' | '.'): string {
  const ms = Math.round(seconds * 1000)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const fraction = String(ms % 1000).padStart(3, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${point}${fraction}`
}

function escapeVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The languages heard, the one with most speech first. */
export function languagesOf(segments: { start: number; end: number; language: string | null }[]): string[] {
  const seconds = new Map<string, number>()
  for (const { start, end, language } of segments) {
    if (language) seconds.set(language, (seconds.get(language) ?? 0) + end - start)
  }
  return [...seconds].sort((a, b) => b[1] - a[1]).map(([language]) => language)
}
