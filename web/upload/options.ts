import { stored } from '../stored.ts'

/** The options of an upload, as the API takes them; empty: the server's default. */
export type UploadOptions = {
  language: string
  speakers: string
  quality: string
  engine: string
  model: string
  keywords: string
}

const DEFAULTS: UploadOptions = {
  language: 'auto',
  speakers: 'false',
  quality: '',
  engine: '',
  model: '',
  keywords: '',
}

/** The options of the next uploads, which are those of the last ones. */
export const options = stored<UploadOptions>('verbatim.options', DEFAULTS, parseOptions)

function parseOptions(value: unknown): UploadOptions {
  if (typeof value !== 'object' || value === null) return DEFAULTS
  const text = (name: keyof UploadOptions): string => {
    const field: unknown = name in value ? Reflect.get(value, name) : undefined
    return typeof field === 'string' ? field : DEFAULTS[name]
  }
  return {
    language: text('language'),
    speakers: text('speakers'),
    quality: text('quality'),
    engine: text('engine'),
    model: text('model'),
    keywords: text('keywords'),
  }
}

/** The fields of an upload. Times of words let the reading view highlight the word that is heard. */
export function fieldsOf({
  language,
  speakers,
  quality,
  engine,
  model,
  keywords,
}: UploadOptions): Record<string, string> {
  return {
    language,
    words: 'true',
    ...(speakers !== 'false' && { speakers }),
    ...(quality && { quality }),
    ...(engine && { engine }),
    ...(model && { model }),
    ...(keywords.trim() && { keywords: keywords.trim() }),
  }
}
