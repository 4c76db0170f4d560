import { type EngineName, QUALITIES, type Quality } from '../../engines/engine.ts'
import { quoted, VerbatimError } from '../../errors.ts'
import { invalidField, parseBoolean, parseChoice } from './field-values.ts'
import { parseHints } from './hints.ts'
import { parseReplacements } from './replacements.ts'
import { parseCandidates, parseLanguage } from './requested-language.ts'
import { parseSpeakers } from './speaker-options.ts'

/** The names that clients use for the engines. */
export const ENGINES = { sidecar: 'sidecar', hosted: 'huggingface', openai: 'openai' } as const

const MAX_URL_LENGTH = 2048
/** The name that clients use for an engine. */
export function nameOfEngine(engine: EngineName): keyof typeof ENGINES {
  return engine === 'huggingface' ? 'hosted' : engine
}

const DEFAULT_LANGUAGE = 'en'
const MAX_MODEL_LENGTH = 200

/**
 * `engines` are the ones that this service has; `defaultQuality` is for uploads that choose none. `canVerify`:
 * whether there is a second model for doubtful text.
 */
export type OptionDefaults = { engines: EngineName[]; defaultQuality: Quality; canVerify: boolean }

/** Parses the text fields of an upload. Throws `validation`. */
export function parseOptions(
  fields: Map<string, string>,
  { engines, defaultQuality, canVerify }: OptionDefaults,
) {
  const partStart = parseSeconds(fields, 'start')
  const partEnd = parseSeconds(fields, 'end')
  if (partEnd !== null && partEnd <= (partStart ?? 0)) {
    throw new VerbatimError('validation', `end is ${partEnd}; it must be after start (${partStart ?? 0})`)
  }
  const task = parseChoice(fields, 'task', ['transcribe', 'translate'])
  return {
    ...parseRequestedLanguage(fields, task),
    task,
    words: parseBoolean(fields, 'words'),
    quality: fields.get('quality') ? parseChoice(fields, 'quality', QUALITIES) : defaultQuality,
    engine: parseEngine(fields, engines),
    model: parseModel(fields),
    verify: parseVerify(fields, canVerify),
    channels: parseChoice(fields, 'channels', ['mix', 'split']),
    track: parseTrack(fields),
    partStart,
    partEnd,
    webhookUrl: parseUrl(fields, 'webhook_url'),
    ...parseHints(fields),
    ...parseSpeakers(fields),
    replacements: parseReplacements(fields),
  }
}

function parseRequestedLanguage(fields: Map<string, string>, task: 'transcribe' | 'translate') {
  const text = fields.get('language')?.trim()
  const languages = parseCandidates(fields)
  if (languages.length > 0 && text?.toLowerCase() !== 'auto') {
    throw invalidField('languages', 'lists the languages to detect: send it with language=auto')
  }
  if (!text) return { language: DEFAULT_LANGUAGE, languages, isLanguageDefault: true, script: null }
  const { language, script } = parseLanguage(text)
  // A translation is English.
  return { language, languages, isLanguageDefault: false, script: task === 'translate' ? null : script }
}

/** The field chooses among the operator's engines only. */
function parseEngine(fields: Map<string, string>, engines: EngineName[]): EngineName | null {
  const text = fields.get('engine')
  if (!text) return null
  const available = Object.entries(ENGINES).filter(([, engine]) => engines.includes(engine))
  const entry = available.find(([name]) => name === text)
  if (entry) return entry[1]
  const names = available.map(([name]) => name).join(' or ')
  throw new VerbatimError('validation', `engine is ${quoted(text)}; this service takes ${names}`)
}

function parseVerify(fields: Map<string, string>, canVerify: boolean): boolean {
  const isRequested = parseBoolean(fields, 'verify')
  if (!isRequested || canVerify) return isRequested
  throw invalidField('verify', 'needs a second model, which this service does not have (VERIFY_MODEL)')
}

/** Whether an engine runs the model is checked later (models/catalog.ts). */
function parseModel(fields: Map<string, string>): string | null {
  const text = fields.get('model')?.trim() || null
  if (text === null || text.length <= MAX_MODEL_LENGTH) return text
  throw invalidField('model', `has ${text.length} characters; it takes a name of at most ${MAX_MODEL_LENGTH}`)
}

/** Whether the file has the track is known once it is probed. */
function parseTrack(fields: Map<string, string>): number | null {
  const text = fields.get('track')
  if (!text) return null
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new VerbatimError('validation', `track is ${quoted(text)}; it takes a whole number from 1 to 999`, {
    field: 'track',
  })
}

function parseSeconds(fields: Map<string, string>, name: string): number | null {
  const text = fields.get(name)
  if (!text) return null
  if (/^\d{1,7}(\.\d{1,9})?$/.test(text)) return Number(text)
  throw new VerbatimError('validation', `${name} is ${quoted(text)}; it takes seconds, such as 90 or 12.5`)
}

/** Null if the field is missing or empty. Throws `validation`. */
export function parseUrl(fields: ReadonlyMap<string, string>, name: string): string | null {
  const text = fields.get(name) || null
  if (text === null || text.length <= MAX_URL_LENGTH) return text
  throw new VerbatimError(
    'validation',
    `${name} has ${text.length} characters; it takes a URL of at most ${MAX_URL_LENGTH}`,
  )
}
