import { useEffect, useRef } from 'preact/hooks'
import { CodePanel } from '../code/code-panel.tsx'
import { messages } from '../i18n/messages.ts'
import type { Reading } from './reading.ts'

export function CodeDialog({ reading, onClose }: { reading: Reading; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog class="card dialog wide stack" ref={dialog} aria-labelledby="code-title" onClose={onClose}>
      <CodePanel id={reading.id} filename={reading.status.value?.filename ?? null} />
      <button type="button" class="button" onClick={() => dialog.current?.close()}>
        {messages.value.close}
      </button>
    </dialog>
  )
}
