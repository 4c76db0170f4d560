import { cuesOf } from './cues.ts'
import type { TimedText } from './line-breaking.ts'
import { toSrt, toTsv, toVtt } from './subtitles.ts'
import { turnsOf } from './turns.ts'
import { labelOf } from './voices.ts'

type TranscriptText = {
  text: string
  duration: number
  segments: TimedText[]
  /** Whether speakers were requested. */
  row: { diarize: boolean }
}

/** Text formats: the media type for `Accept`, and the function that writes a transcript. */
export const TEXT_FORMATS = {
  txt: { type: 'text/plain', write: toTxt },
  srt: {
    type: 'application/x-subrip',
    write: ({ segments, duration }: TranscriptText) =>
      toSrt(cuesOf(segments, { seconds: duration, labelOf })),
  },
  vtt: {
    type: 'text/vtt',
    write: ({ segments, duration }: TranscriptText) => toVtt(cuesOf(segments, { seconds: duration })),
  },
  tsv: {
    type: 'text/tab-separated-values',
    write: ({ segments, row }: TranscriptText) => toTsv(segments, { hasSpeakers: row.diarize }),
  },
}

export type TextFormat = keyof typeof TEXT_FORMATS

export const TRANSCRIPT_FORMATS = [
  'json',
  'verbose_json',
  'diarized_json',
  'txt',
  'srt',
  'vtt',
  'tsv',
  'rttm',
] as const
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number]

/**
 * Formats by media type. `verbose_json` and `diarized_json` share JSON's type, and `rttm` has none: they can be
 * requested only by name.
 */
export const TYPES = new Map<string, TranscriptFormat>([
  ['application/json', 'json'],
  [TEXT_FORMATS.txt.type, 'txt'],
  [TEXT_FORMATS.srt.type, 'srt'],
  [TEXT_FORMATS.vtt.type, 'vtt'],
  [TEXT_FORMATS.tsv.type, 'tsv'],
])

/** The text; if voices are told apart, a line for each turn. */
function toTxt({ text, segments }: TranscriptText): string {
  if (segments.every(({ voice }) => !voice)) return `${text}\n`
  return turnsOf(segments)
    .map((turn) => `${labelOf(turn.voice)}${turn.text}\n`)
    .join('')
}
