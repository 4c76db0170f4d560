import { VerbatimError } from '../../errors.ts'

/** Whisper's languages, by their codes, with its English names for them; the large-v3 models add `yue`. */
export const LANGUAGES: ReadonlyMap<string, string> = new Map(
  (
    'af:afrikaans am:amharic ar:arabic as:assamese az:azerbaijani ba:bashkir be:belarusian bg:bulgarian ' +
    'bn:bengali bo:tibetan br:breton bs:bosnian ca:catalan cs:czech cy:welsh da:danish de:german el:greek ' +
    'en:english es:spanish et:estonian eu:basque fa:persian fi:finnish fo:faroese fr:french gl:galician ' +
    'gu:gujarati ha:hausa haw:hawaiian he:hebrew hi:hindi hr:croatian ht:haitian_creole hu:hungarian ' +
    'hy:armenian id:indonesian is:icelandic it:italian ja:japanese jw:javanese ka:georgian kk:kazakh ' +
    'km:khmer kn:kannada ko:korean la:latin lb:luxembourgish ln:lingala lo:lao lt:lithuanian lv:latvian ' +
    'mg:malagasy mi:maori mk:macedonian ml:malayalam mn:mongolian mr:marathi ms:malay mt:maltese ' +
    'my:myanmar ne:nepali nl:dutch nn:nynorsk no:norwegian oc:occitan pa:punjabi pl:polish ps:pashto ' +
    'pt:portuguese ro:romanian ru:russian sa:sanskrit sd:sindhi si:sinhala sk:slovak sl:slovenian ' +
    'sn:shona so:somali sq:albanian sr:serbian su:sundanese sv:swedish sw:swahili ta:tamil te:telugu ' +
    'tg:tajik th:thai tk:turkmen tl:tagalog tr:turkish tt:tatar uk:ukrainian ur:urdu uz:uzbek ' +
    'vi:vietnamese yi:yiddish yo:yoruba yue:cantonese zh:chinese'
  )
    .split(' ')
    .map((entry) => entry.replaceAll('_', ' ').split(':'))
    .map(([code = '', name = '']) => [code, name]),
)

/** `en`, `EN`, `en-US` → `en`; `auto` stays. Throws `validation`. */
export function parseLanguage(text: string): string {
  const code = text.trim().toLowerCase().split(/[-_]/)[0] ?? ''
  if (code === 'auto' || LANGUAGES.has(code)) return code
  throw new VerbatimError(
    'validation',
    `language is ${JSON.stringify(text.slice(0, 40))}; it takes a language code such as en, de or ja, or auto`,
    { field: 'language' },
  )
}

/** What is written without spaces between words, with the punctuation that those scripts share and the fullwidth forms. */
const UNSPACED =
  '[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmr}\\p{scx=Mymr}\\p{scx=Tibt}\\uff00-\\uffef]'
export const UNSPACED_END = new RegExp(`${UNSPACED}$`, 'u')
export const UNSPACED_START = new RegExp(`^${UNSPACED}`, 'u')

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

/** What a text adds to one before it, put together as `joinTexts` does. */
export function continuation(before: string, text: string): string {
  return joinTexts([before, text]).slice(before.trim().length)
}

function separator(before: string, after: string): '' | ' ' {
  if (/\s$/.test(before) || /^\s/.test(after)) return ''
  return UNSPACED_END.test(before) && UNSPACED_START.test(after) ? '' : ' '
}
