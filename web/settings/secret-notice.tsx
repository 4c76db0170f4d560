import type { Signal } from '@preact/signals'
import { CopyButton } from '../code/copy-button.tsx'
import { messages } from '../i18n/messages.ts'

/** A secret that the server shows only once; nothing while there is none. Closing it forgets the secret. */
export function SecretNotice({ secret }: { secret: Signal<string | null> }) {
  const t = messages.value
  if (secret.value === null) return null
  const close = () => {
    secret.value = null
  }
  return (
    <div class="notice warn" role="status">
      <p>{t.secretOnce}</p>
      <div class="secret">
        <code>{secret.value}</code>
        <CopyButton text={secret.value} />
        <button type="button" class="button quiet" onClick={close}>
          {t.close}
        </button>
      </div>
    </div>
  )
}
