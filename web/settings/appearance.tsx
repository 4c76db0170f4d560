import { chosenLocale, locales, messages } from '../i18n/messages.ts'
import { THEMES, theme } from '../theme/theme.ts'

/** The theme and language of the page, kept in this browser. */
export function Appearance() {
  const t = messages.value
  return (
    <section class="stack" aria-labelledby="appearance">
      <h2 id="appearance">{t.appearance}</h2>
      <div class="fields">
        <div class="field">
          <label for="theme">{t.theme}</label>
          <select
            class="input"
            id="theme"
            value={theme.value}
            onChange={({ currentTarget: { value } }) => {
              theme.value = THEMES.find((known) => known === value) ?? 'system'
            }}
          >
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {t.themes[name]}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="page-language">{t.pageLanguage}</label>
          <select
            class="input"
            id="page-language"
            value={chosenLocale.value ?? ''}
            onChange={({ currentTarget: { value } }) => {
              chosenLocale.value = locales.find(({ locale }) => locale === value)?.locale ?? null
            }}
          >
            <option value="">{t.pageLanguageBrowser}</option>
            {locales.map(({ locale, languageName }) => (
              <option key={locale} value={locale} lang={locale}>
                {languageName}
              </option>
            ))}
          </select>
        </div>
      </div>
    </section>
  )
}
