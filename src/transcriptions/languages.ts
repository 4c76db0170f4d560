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

/** What is written without spaces between words, with the punctuation that those scripts share and the fullwidth forms. */
const UNSPACED =
  '[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmr}\\p{scx=Mymr}\\p{scx=Tibt}\\uff00-\\uffef]'
const UNSPACED_END = new RegExp(`${UNSPACED}$`, 'u')
const UNSPACED_START = new RegExp(`^${UNSPACED}`, 'u')

/** Puts segments' texts together, with a space where their languages have one and the engine left it out. */
export function joinTexts(texts: string[]): string {
  let before = ''
  const parts: string[] = []
  for (const text of texts) {
    if (text === '') continue
    parts.push(separator(before, text), /\s$/.test(before) ? text.trimStart() : text)
    before = text
  }
  return parts.join('').trim()
}

function separator(before: string, after: string): '' | ' ' {
  if (/\s$/.test(before) || /^\s/.test(after)) return ''
  return UNSPACED_END.test(before) && UNSPACED_START.test(after) ? '' : ' '
}
