import { CopyButton } from '../code/copy-button.tsx'
import { messages } from '../i18n/messages.ts'

/** A secret that the server shows only once. */
export function SecretNotice({ secret, onClose }: { secret: string; onClose: () => void }) {
  const t = messages.value
  return (
    <div class="notice warn" role="status">
      <p>{t.secretOnce}</p>
      <div class="secret">
        <code>{secret}</code>
        <CopyButton text={secret} />
        <button type="button" class="button quiet" onClick={onClose}>
          {t.close}
        </button>
      </div>
    </div>
  )
}
