import { findEngineModel, type NamedModel } from '../engines/models.ts'
import { quoted, VerbatimError } from '../errors.ts'
import type { Callback } from '../intake.ts'
import { booleanIn, type Fields, invalidField, parseBoolean } from '../transcriptions/intake/field-values.ts'
import { parseUrl } from '../transcriptions/intake/options.ts'
import { parseLanguage } from '../transcriptions/intake/requested-language.ts'

/** Hints that change nothing: the text always has punctuation, capitals and digits. */
export const HINTS = ['punctuate', 'smart_format', 'numerals', 'mip_opt_out']

/** Ignored with any value: the file states its encoding, and the service has one version of its model. */
export const IGNORED = ['encoding', 'sample_rate', 'channels', 'tier', 'version']

const NO_INTELLIGENCE = 'this service only transcribes'
const NO_EDITING = 'the transcript contains what was said'

/** What this service cannot do, with the reason. `false` and empty values are accepted. */
export const NOT_OFFERED = new Map([
  ...[
    ...['summarize', 'sentiment', 'topics', 'detect_topics', 'custom_topic', 'custom_topic_mode'],
    ...['intents', 'custom_intent', 'custom_intent_mode', 'detect_entities', 'translate', 'search'],
  ].map((name) => [name, NO_INTELLIGENCE] as const),
  ...['redact', 'profanity_filter', 'filler_words', 'dictation', 'measurements'].map(
    (name) => [name, NO_EDITING] as const,
  ),
])

/** These do not shape the response, and the engine of `model` may be gone when a message is written. */
const UNSHAPING = ['callback', 'callback_method', 'model']

const TAKEN = [
  ...['model', 'language', 'detect_language', 'multichannel', 'paragraphs', 'utterances', 'utt_split'],
  ...['keyterm', 'keywords', 'replace', 'tag', 'extra', 'track', 'quality', 'callback', 'callback_method'],
  ...['diarize', 'diarize_model', 'diarize_version'],
]

/** Deepgram's models for recordings. The service answers all of them with the model that it has. */
const DEEPGRAM_MODELS =
  /^(?:(?:nova|nova-2|nova-3|enhanced|base|whisper)(?:-[a-z]+)?|general|meeting|phonecall|finance|conversationalai|voicemail|video)$/i

const DEFAULT_UTTERANCE_GAP_SECONDS = 0.8

export type ListenRequest = {
  /** The equivalent fields of an upload. */
  options: Map<string, string>
  isMultichannel: boolean
  detectsLanguage: boolean
  hasParagraphs: boolean
  /** The pause that separates utterances, in seconds. Null: no utterances. */
  utteranceGap: number | null
  /** Returned as they were sent. */
  tags: string[]
  extra: Record<string, string>
  /** How the response is sent to `callback`. Null: it is the response of the request. */
  callback: Callback | null
}

/**
 * Parses the query of Deepgram's `/v1/listen`. `engines`: the names that clients use for the engines that
 * this service has. Throws `validation` with its `field`, also for what this service cannot do.
 */
export function parseListen(query: URLSearchParams, offer: Offer): ListenRequest {
  const fields: Fields = new Map(query)
  refuseOthers(query)
  for (const name of HINTS) parseBoolean(fields, name)
  const isMultichannel = parseBoolean(fields, 'multichannel')
  const { language, candidates, detectsLanguage } = parseRequestedLanguage(query)
  const keywords = [...query.getAll('keyterm'), ...query.getAll('keywords').map(withoutBoost)]
  const utteranceGap = parseGap(fields)
  const { url, callback } = parseCallback(query)
  return {
    options: new Map([
      ['words', 'true'],
      ['channels', isMultichannel ? 'split' : 'mix'],
      ['language', language],
      ['languages', jsonList(candidates)],
      ...choiceOf(fields, offer),
      ['track', fields.get('track') ?? ''],
      ['quality', fields.get('quality') ?? ''],
      ['keywords', jsonList(keywords)],
      ['replace', jsonList(query.getAll('replace'))],
      ['webhook_url', url],
      ['speakers', String(isDiarized(fields))],
    ]),
    isMultichannel,
    detectsLanguage,
    hasParagraphs: parseBoolean(fields, 'paragraphs'),
    utteranceGap: parseBoolean(fields, 'utterances') ? utteranceGap : null,
    tags: query.getAll('tag'),
    extra: Object.fromEntries(query.getAll('extra').map(pairOf)),
    callback,
  }
}

/** A user name and password in the URL are sent in the header `Authorization`, which is stored encrypted. */
function parseCallback(query: URLSearchParams): { url: string; callback: Callback | null } {
  const fields: Fields = new Map(query)
  const method = (fields.get('callback_method') || 'POST').toUpperCase()
  if (method !== 'POST' && method !== 'PUT') {
    throw invalidField('callback_method', `is ${quoted(method)}; it takes POST or PUT`)
  }
  const text = parseUrl(fields, 'callback')
  if (text === null) return { url: '', callback: null }
  const { url, header } = withoutCredentials(text)
  const request = new URLSearchParams([...query].filter(([name]) => !UNSHAPING.includes(name))).toString()
  return { url, callback: { format: 'deepgram', method, header, request, urlName: 'callback' } }
}

function withoutCredentials(text: string): { url: string; header: Callback['header'] } {
  const url = URL.parse(text)
  if (!url || (url.username === '' && url.password === '')) return { url: text, header: null }
  const credentials = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`)
  url.username = ''
  url.password = ''
  return { url: url.href, header: { name: 'Authorization', value: `Basic ${credentials.toBase64()}` } }
}

/** A `%` that escapes nothing stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A model or version of Deepgram's asks for speakers too; the service has one model. */
function isDiarized(fields: Fields): boolean {
  const versions = ['diarize_model', 'diarize_version'].map((name) => fields.get(name) ?? '')
  return parseBoolean(fields, 'diarize') || versions.some(isRequested)
}

function refuseOthers(query: URLSearchParams): void {
  for (const [name, value] of query) {
    const reason = NOT_OFFERED.get(name)
    if (reason && isRequested(value)) throw invalidField(name, `is not offered: ${reason}`)
    if (reason || [...TAKEN, ...HINTS, ...IGNORED].includes(name)) continue
    throw new VerbatimError('validation', `${quoted(name)} is not a parameter that this service knows`)
  }
}

const isRequested = (value: string) => booleanIn(value) !== false

/** Without a language, the upload's default applies: English, as Deepgram's. */
function parseRequestedLanguage(query: URLSearchParams) {
  const detect = query.getAll('detect_language')
  const candidates = detect.filter((value) => isNorwegian(value) || booleanIn(value) === null)
  for (const candidate of candidates) parseLanguage(candidate)
  const detectsLanguage = candidates.length > 0 || detect.some((value) => booleanIn(value))
  const [first = '', ...others] = candidates
  if (first && others.length === 0) return { language: first, candidates: [], detectsLanguage }
  if (detectsLanguage) return { language: 'auto', candidates, detectsLanguage }
  const language = query.get('language') ?? ''
  return { language: language.toLowerCase() === 'multi' ? 'auto' : language, candidates, detectsLanguage }
}

/** `no` is also a way to write false. */
const isNorwegian = (value: string) => value.trim().toLowerCase() === 'no'

/** The names that clients use for the engines that this service has, and the models that these run. */
type Offer = { engines: string[]; models: readonly NamedModel[] }

/** The engine and the model that `model` means. */
function choiceOf(fields: Fields, { engines, models }: Offer): [name: string, value: string][] {
  const model = fields.get('model')?.trim() ?? ''
  const own = model && findEngineModel(models, model)
  if (own) return [['model', own.id]]
  if (model === '' || DEEPGRAM_MODELS.test(model)) return []
  const engine = engines.find((name) => name === model.toLowerCase())
  if (engine) return [['engine', engine]]
  const names = [...engines, ...models.map(({ id }) => id)].join(' or ')
  throw invalidField(
    'model',
    `is ${quoted(model)}; it takes Deepgram’s models for recordings, such as nova-3, or ${names}`,
  )
}

function parseGap(fields: Fields): number {
  const text = fields.get('utt_split')
  if (!text) return DEFAULT_UTTERANCE_GAP_SECONDS
  const seconds = Number(text)
  if (seconds > 0 && Number.isFinite(seconds)) return seconds
  throw invalidField('utt_split', `is ${quoted(text)}; it takes seconds, such as 0.8`)
}

/** `term:2` raises the term's probability by a factor that engines do not have. */
function withoutBoost(keyword: string): string {
  const [, term = keyword, boost = '1'] = /^(.+):(-?[\d.]{1,9})$/s.exec(keyword) ?? []
  if (Number(boost) >= 0) return term
  throw invalidField('keywords', `is ${quoted(keyword)}; this service cannot suppress words`)
}

function pairOf(text: string): [name: string, value: string] {
  const colon = text.indexOf(':')
  if (colon > 0) return [text.slice(0, colon), text.slice(colon + 1)]
  throw invalidField('extra', `is ${quoted(text)}; it takes a name and a value, such as room:12`)
}

/** Values may contain commas, which would separate them in other lists. */
const jsonList = (values: string[]) => (values.length > 0 ? JSON.stringify(values) : '')
