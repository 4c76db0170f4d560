import type { Cue } from './cues.ts'
import { oneLine } from './line-breaking.ts'
import { labelOf } from './voices.ts'

/**
 * SubRip: numbered cues, a comma before the milliseconds, a blank line after each. It has no markup for
 * voices and no escapes: a voice is written before its text, and `-->` becomes `→`, because players take it
 * for the times of the next cue.
 */
export function toSrt(cues: Cue[]): string {
  return cues
    .map((cue, index) => {
      const text = (labelOf(cue.voice) + cue.lines.join('\n')).replaceAll('-->', '→')
      return `${index + 1}\n${times(cue, ',')}\n${text}\n\n`
    })
    .join('')
}

/**
 * WebVTT (W3C): `&`, `<` and `>` are escaped, so that a cue cannot contain `-->`. Players use a voice tag to
 * style a cue and do not show it.
 */
export function toVtt(cues: Cue[]): string {
  const written = cues.map((cue) => {
    const text = escapeVtt(cue.lines.join('\n'))
    const voiced = cue.voice === null ? text : `<v ${escapeVtt(cue.voice)}>${text}</v>`
    return `${times(cue, '.')}\n${voiced}\n\n`
  })
  return `WEBVTT\n\n${written.join('')}`
}

/**
 * One line per segment, as Whisper's command line writes them: start and end in milliseconds, and the text. With
 * `hasSpeakers`, the name or letter of the speaker comes before the text.
 */
export function toTsv(
  segments: { start: number; end: number; text: string; voice?: string | null }[],
  { hasSpeakers = false }: { hasSpeakers?: boolean } = {},
): string {
  const rows = segments.map(({ start, end, text, voice }) => {
    const speaker = hasSpeakers ? [oneLine(voice ?? '')] : []
    return `${[toMs(start), toMs(end), ...speaker, oneLine(text)].join('\t')}\n`
  })
  return `${['start', 'end', ...(hasSpeakers ? ['speaker'] : []), 'text'].join('\t')}\n${rows.join('')}`
}

function times({ start, end }: Cue, point: ',' | '.'): string {
  return `${clock(toMs(start), point)} --> ${clock(toMs(end), point)}`
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
