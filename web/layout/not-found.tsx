import { messages } from '../i18n/messages.ts'

export function NotFound() {
  const t = messages.value
  return (
    <div class="center">
      <h1>{t.notFoundTitle}</h1>
      <p class="soft">{t.notFoundText}</p>
      <a class="button" href="/">
        {t.back}
      </a>
    </div>
  )
}
