import { quoted } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { type Fields, invalidField, parseList } from './field-values.ts'

/** Longer than any model reads: Whisper takes the last 223 tokens, about 1000 characters of English. */
export const MAX_PROMPT_LENGTH = 4000
const MAX_KEYWORDS = 100
const MAX_KEYWORD_LENGTH = 100
/** Of all keywords together. They share the model's 223 tokens with the prompt. */
const MAX_KEYWORDS_LENGTH = 1000

/** Vocabulary hints. */
export type Hints = {
  /** Text that precedes each window in the model's input. */
  prompt: string | null
  /** Words that the model should expect. */
  keywords: string[]
  /** From 0 to 1. No engine takes it. */
  temperature: number
}

/** Parses the fields `prompt`, `keywords`, `hotwords` and `temperature`. Throws `validation`. */
export function parseHints(fields: Fields): Hints {
  return {
    prompt: parsePrompt(fields),
    keywords: parseKeywords(fields),
    temperature: parseTemperature(fields),
  }
}

function parseTemperature(fields: Fields): number {
  const text = fields.get('temperature')?.trim() || '0'
  const temperature = Number(text)
  if (temperature >= 0 && temperature <= 1) return temperature
  throw invalidField('temperature', `is ${quoted(text)}; it takes a number from 0 to 1`)
}

function parsePrompt(fields: Fields): string | null {
  const prompt = fields.get('prompt')?.trim() ?? ''
  if (prompt.length > MAX_PROMPT_LENGTH) {
    throw invalidField(
      'prompt',
      `has ${prompt.length} characters; it takes at most ${MAX_PROMPT_LENGTH}, of which the model reads the last 223 tokens`,
    )
  }
  return storableText(prompt) || null
}

function parseKeywords(fields: Fields): string[] {
  const given = [...parseList(fields, 'keywords'), ...parseList(fields, 'hotwords')]
  const keywords = [...new Set(given.map((keyword) => storableText(keyword)).filter(Boolean))]
  if (keywords.length > MAX_KEYWORDS) {
    throw invalidField('keywords', `has ${keywords.length} entries; it takes at most ${MAX_KEYWORDS}`)
  }
  const long = keywords.find(({ length }) => length > MAX_KEYWORD_LENGTH)
  if (long) {
    throw invalidField(
      'keywords',
      `has an entry of ${long.length} characters; it takes at most ${MAX_KEYWORD_LENGTH}: separate keywords with commas`,
    )
  }
  const length = keywords.join('').length
  if (length > MAX_KEYWORDS_LENGTH) {
    throw invalidField('keywords', `has ${length} characters in all; it takes at most ${MAX_KEYWORDS_LENGTH}`)
  }
  return keywords
}
