import type { Cue } from './cues.ts'

/** SubRip: numbered cues, a comma before the milliseconds, a blank line after each. */
export function toSrt(cues: Cue[]): string {
  return cues.map((cue, index) => `${index + 1}\n${times(cue, ',')}\n${cue.lines.join('\n')}\n\n`).join('')
}

/** WebVTT (W3C): `&`, `<` and `>` are escaped, so that a cue cannot contain `-->`. */
export function toVtt(cues: Cue[]): string {
  const written = cues.map((cue) => `${times(cue, '.')}\n${escapeVtt(cue.lines.join('\n'))}\n\n`)
  return `WEBVTT\n\n${written.join('')}`
}

/**
 * One line per segment, as Whisper's command line writes them: start and end in milliseconds, and the text.
 */
export function toTsv(segments: { start: number; end: number; text: string }[]): string {
  const rows = segments.map(
    ({ start, end, text }) => `${toMs(start)}\t${toMs(end)}\t${text.trim().replace(/\s+/g, ' ')}\n`,
  )
  return `start\tend\ttext\n${rows.join('')}`
}

/** A cue lasts at least 1 ms, because players do not show a WebVTT cue without duration. */
function times({ start, end }: Cue, point: ',' | '.'): string {
  const from = toMs(start)
  return `${clock(from, point)} --> ${clock(Math.max(from + 1, toMs(end)), point)}`
}

const toMs = (seconds: number) => Math.round(seconds * 1000)

/** 3,661,500 → `01:01:01.500` */
function clock(ms: number, point: ',' | '.'): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const fraction = String(ms % 1000).padStart(3, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${point}${fraction}`
}

function escapeVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
