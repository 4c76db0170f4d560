import { VerbatimError } from '../errors.ts'

/** The codes of Whisper's languages; the large-v3 models add `yue`. */
export const LANGUAGES = new Set(
  (
    'af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy ' +
    'id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa ' +
    'sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh'
  ).split(' '),
)

/** `en`, `EN`, `en-US` → `en`; `auto` stays. Throws `validation`. */
export function parseLanguage(text: string): string {
  const code = text.trim().toLowerCase().split(/[-_]/)[0] ?? ''
  if (code === 'auto' || LANGUAGES.has(code)) return code
  throw new VerbatimError(
    'validation',
    `language is ${JSON.stringify(text.slice(0, 40))}; it takes a language code such as en, de or ja, or auto`,
  )
}

/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}、。，！？「」]/u

/** Puts segments' texts together, with a space where their languages have one and the engine left it out. */
export function joinTexts(texts: string[]): string {
  let joined = ''
  for (const text of texts) {
    const needsSpace =
      joined !== '' &&
      !/\s$/.test(joined) &&
      !/^\s/.test(text) &&
      !(UNSPACED.test(joined.slice(-1)) && UNSPACED.test(text.slice(0, 1)))
    joined += needsSpace ? ` ${text}` : text
  }
  return joined.trim()
}
