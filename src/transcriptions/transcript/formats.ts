import { cuesOf } from './cues.ts'
import type { TimedText } from './line-breaking.ts'
import { toSrt, toTsv, toVtt } from './subtitles.ts'

type Written = { text: string; duration: number; segments: TimedText[] }

/** What a transcript is written in as a text: the type that Accept names it by, and how it is. */
export const TEXT_FORMATS = {
  txt: { type: 'text/plain', write: ({ text }: Written) => `${text}\n` },
  srt: {
    type: 'application/x-subrip',
    write: ({ segments, duration }: Written) => toSrt(cuesOf(segments, duration)),
  },
  vtt: {
    type: 'text/vtt',
    write: ({ segments, duration }: Written) => toVtt(cuesOf(segments, duration)),
  },
  tsv: { type: 'text/tab-separated-values', write: ({ segments }: Written) => toTsv(segments) },
}

export type TextFormat = keyof typeof TEXT_FORMATS

export const TRANSCRIPT_FORMATS = ['json', 'verbose_json', 'txt', 'srt', 'vtt', 'tsv'] as const
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number]

/** The formats that have a type of their own; `verbose_json` is JSON too, and asked for by its name. */
export const TYPES = new Map<string, TranscriptFormat>([
  ['application/json', 'json'],
  [TEXT_FORMATS.txt.type, 'txt'],
  [TEXT_FORMATS.srt.type, 'srt'],
  [TEXT_FORMATS.vtt.type, 'vtt'],
  [TEXT_FORMATS.tsv.type, 'tsv'],
])
