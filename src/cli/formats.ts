import { UsageError } from './failure.ts'

/** The formats of a transcript, with the ends of their file names. */
const EXTENSIONS = {
  txt: '.txt',
  srt: '.srt',
  vtt: '.vtt',
  tsv: '.tsv',
  json: '.json',
  verbose_json: '.verbose.json',
  diarized_json: '.diarized.json',
  rttm: '.rttm',
} as const

export type Format = keyof typeof EXTENSIONS

export const FORMATS = Object.keys(EXTENSIONS)

export const extensionOf = (format: Format): string => EXTENSIONS[format]

const isFormat = (name: string): name is Format => Object.hasOwn(EXTENSIONS, name)

/** Parses a list such as `srt,txt`. Throws `UsageError`. */
export function parseFormats(text: string): Format[] {
  const names = text.split(',').map((name) => name.trim())
  const formats = names.map((name) => {
    if (isFormat(name)) return name
    throw new UsageError(`--format has ${JSON.stringify(name)}; it takes ${FORMATS.join(', ')}`)
  })
  return [...new Set(formats)]
}

/** The format whose files end like this path. */
export function formatOfPath(path: string): Format | null {
  const matches = Object.entries(EXTENSIONS).filter(([, extension]) => path.endsWith(extension))
  const [longest] = matches.toSorted(([, a], [, b]) => b.length - a.length)
  return longest && isFormat(longest[0]) ? longest[0] : null
}
