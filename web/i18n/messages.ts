import { computed } from '@preact/signals'
import { stored } from '../stored.ts'
import { de } from './de.ts'
import { en } from './en.ts'

/** The same keys for every language: the compiler reports a missing one. */
export type Messages = Widened<typeof en>
type Widened<T> = {
  [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...args: never[]) => unknown
      ? T[K]
      : Widened<T[K]>
}

const LOCALES = { en, de }
type Locale = keyof typeof LOCALES

const isLocale = (value: unknown): value is Locale => typeof value === 'string' && value in LOCALES

export const locales = Object.keys(LOCALES)
  .filter(isLocale)
  .map((locale) => ({ locale, languageName: LOCALES[locale].languageName }))

/** The chosen language; null: that of the browser. */
export const chosenLocale = stored<Locale | null>('verbatim.locale', null, (value) =>
  isLocale(value) ? value : null,
)

export const locale = computed<Locale>(() => {
  const preferred = navigator.languages.map((tag) => tag.split('-')[0]).find(isLocale)
  return chosenLocale.value ?? preferred ?? 'en'
})

/** The texts in the current language. A component that reads it is rendered again when the language changes. */
export const messages = computed<Messages>(() => LOCALES[locale.value])
