import { useSignal } from '@preact/signals'
import { messages } from '../i18n/messages.ts'

const SHOWN_MS = 2000

/** Copies a text. Without a clipboard (plain HTTP), the text can still be selected. */
export function CopyButton({ text }: { text: string }) {
  const t = messages.value
  const isCopied = useSignal(false)
  if (!navigator.clipboard) return null
  async function copy() {
    await navigator.clipboard.writeText(text)
    isCopied.value = true
    setTimeout(() => {
      isCopied.value = false
    }, SHOWN_MS)
  }
  return (
    <button type="button" class="button small" onClick={copy}>
      <span role="status">{isCopied.value ? t.copied : t.copy}</span>
    </button>
  )
}
