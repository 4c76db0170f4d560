import { bcp47Normalize } from 'bcp-47-normalize'
import { closest, distance } from 'fastest-levenshtein'
import { quoted } from '../../errors.ts'
import { LANGUAGES } from '../../whisper-languages.ts'
import { type Fields, invalidField, parseList } from './field-values.ts'

export type Script = 'simplified' | 'traditional'

/** `language`: a Whisper code or `auto`. `script`: null for the characters that the model writes. */
export type RequestedLanguage = { language: string; script: Script | null }

/** Longer than every accepted form. Bounds the cost of the comparison with all names. */
const MAX_LENGTH = 60

/** Language tags by English name: Whisper's names and aliases, and others in common use. */
const TAGS = new Map([
  ...[...LANGUAGES].map(([code, name]) => [name, code] as const),
  ...Object.entries({
    bokmal: 'no',
    burmese: 'my',
    castilian: 'es',
    farsi: 'fa',
    filipino: 'tl',
    flemish: 'nl',
    haitian: 'ht',
    letzeburgesch: 'lb',
    mandarin: 'zh',
    moldavian: 'ro',
    moldovan: 'ro',
    panjabi: 'pa',
    pushto: 'ps',
    sinhalese: 'si',
    valencian: 'ca',
    'chinese simplified': 'zh-hans',
    'chinese traditional': 'zh-hant',
    'mandarin chinese': 'zh',
    'norwegian bokmal': 'no',
    'norwegian nynorsk': 'nn',
    'simplified chinese': 'zh-hans',
    'traditional chinese': 'zh-hant',
  }),
])

/** Whisper's codes of languages that CLDR calls otherwise, or has no common code for. */
const WHISPER_CODES = new Map([
  ['fil', 'tl'],
  ['jv', 'jw'],
  ['nb', 'no'],
  ...['acm', 'aeb', 'afb', 'ajp', 'apc', 'ars', 'ary', 'arz'].map((dialect) => [dialect, 'ar'] as const),
])

/** Country codes that people send instead of language codes. None is a language that Whisper knows. */
const LANGUAGES_OF_COUNTRIES = new Map(
  Object.entries({
    cn: 'zh',
    cz: 'cs',
    dk: 'da',
    gb: 'en',
    gr: 'el',
    il: 'he',
    ir: 'fa',
    jp: 'ja',
    kr: 'ko',
    rs: 'sr',
    se: 'sv',
    tw: 'zh-TW',
    ua: 'uk',
    us: 'en',
    vn: 'vi',
  }),
)

/** By script (ISO 15924) or region (ISO 3166) subtag. */
const CHINESE_SCRIPTS = new Map<string, Script>([
  ['hans', 'simplified'],
  ['cn', 'simplified'],
  ['sg', 'simplified'],
  ['hant', 'traditional'],
  ['tw', 'traditional'],
  ['hk', 'traditional'],
  ['mo', 'traditional'],
])

/**
 * Parses the field `languages`: the languages to choose from when the language is detected, without their
 * scripts. Throws `validation`.
 */
export function parseCandidates(fields: Fields): string[] {
  const name = 'languages'
  const codes = parseList(fields, name).map((text) => parseLanguage(text, name).language)
  if (codes.includes('auto')) throw invalidField(name, 'has auto; it takes languages such as en and de')
  return [...new Set(codes)]
}

/**
 * Parses a language in any common form: an ISO 639 code, a BCP 47 tag, a POSIX locale, an English name, or
 * `auto`. `field`: the field that errors name. Throws `validation`.
 */
export function parseLanguage(text: string, field = 'language'): RequestedLanguage {
  const name = text
    .slice(0, MAX_LENGTH + 1)
    .trim()
    .toLowerCase()
  if (name === 'auto') return { language: 'auto', script: null }
  const tag = TAGS.get(wordsOf(name)) ?? tagOf(name)
  const language = name.length > MAX_LENGTH ? undefined : languageOf(tag)
  if (!language) throw unknownLanguage({ text, name, field })
  const isChinese = language === 'zh' || language === 'yue'
  return { language, script: isChinese ? scriptOf(tag) : null }
}

/** `chinese (traditional)` and `norwegian_bokmål` become words without accents. */
const wordsOf = (name: string) =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z]+/g, ' ')
    .trim()

/** A POSIX locale has `_` for `-`, and may end with a codeset or modifier: `en_US.UTF-8`, `sr_RS@latin`. */
const tagOf = (name: string) => (name.split(/[.@]/)[0] ?? '').replaceAll('_', '-')

/** CLDR maps three-letter and deprecated codes, and most codes of a macrolanguage's members. */
function languageOf(tag: string): string | undefined {
  const [code = ''] = bcp47Normalize(tag).split('-')
  const language = WHISPER_CODES.get(code) ?? code
  return LANGUAGES.has(language) ? language : undefined
}

function scriptOf(tag: string): Script | null {
  const scripts = tag.split('-').flatMap((subtag) => CHINESE_SCRIPTS.get(subtag) ?? [])
  return scripts[0] ?? null
}

function unknownLanguage({ text, name, field }: { text: string; name: string; field: string }) {
  const suggestion = suggestionFor(name)
  const cure = suggestion
    ? `did you mean ${suggestion}?`
    : 'it takes a language code such as en, de or zh-TW, an English name, or auto'
  return invalidField(field, `${field === 'language' ? 'is' : 'has'} ${quoted(text)}; ${cure}`)
}

function suggestionFor(name: string): string | null {
  const [code = ''] = tagOf(name).split('-')
  const known = LANGUAGES_OF_COUNTRIES.get(code)
  if (known) return known
  const nearest = closest(name, [...TAGS.keys()])
  return distance(name, nearest) <= Math.min(2, name.length / 5) ? nearest : null
}
