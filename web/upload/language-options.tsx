import { LANGUAGES } from '../../src/whisper-languages.ts'
import { formatLanguage } from '../i18n/format.ts'
import { locale } from '../i18n/messages.ts'

/** Whisper's languages, sorted by their names in the language of the page. */
export function LanguageOptions() {
  const { compare } = new Intl.Collator(locale.value)
  const names = [...LANGUAGES.keys()].map((code) => ({ code, name: formatLanguage(code) }))
  return names
    .toSorted((a, b) => compare(a.name, b.name))
    .map(({ code, name }) => (
      <option key={code} value={code}>
        {name}
      </option>
    ))
}
