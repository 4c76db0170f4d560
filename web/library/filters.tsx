import { useEffect, useRef } from 'preact/hooks'
import type { Row } from '../api/types.ts'
import { messages } from '../i18n/messages.ts'
import { LanguageOptions } from '../upload/language-options.tsx'
import { filter, setFilter } from './library.ts'

const STATUSES = [
  'queued',
  'processing',
  'completed',
  'failed',
  'canceled',
] as const satisfies Row['status'][]

const TYPING_MS = 250

/** Search and filters. The list follows while the user types. */
export function Filters() {
  const t = messages.value
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const { q, status, language } = filter.value
  return (
    <search class="filters">
      <input
        class="input"
        type="search"
        aria-label={t.searchLabel}
        placeholder={t.search}
        value={q}
        maxLength={200}
        onInput={({ currentTarget: { value } }) => {
          clearTimeout(timer.current)
          timer.current = setTimeout(() => setFilter({ q: value }), TYPING_MS)
        }}
      />
      <select
        class="input"
        aria-label={t.statusLabel}
        value={status}
        onChange={({ currentTarget: { value } }) =>
          setFilter({ status: STATUSES.find((known) => known === value) ?? '' })
        }
      >
        <option value="">{t.statusAll}</option>
        {STATUSES.map((value) => (
          <option key={value} value={value}>
            {t.statuses[value]}
          </option>
        ))}
      </select>
      <select
        class="input"
        aria-label={t.language}
        value={language}
        onChange={({ currentTarget: { value } }) => setFilter({ language: value })}
      >
        <option value="">{t.languageAll}</option>
        <LanguageOptions />
      </select>
    </search>
  )
}
