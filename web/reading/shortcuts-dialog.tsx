import { useEffect, useRef } from 'preact/hooks'
import { messages } from '../i18n/messages.ts'
import { hasKeys, SHORTCUTS } from './keyboard.ts'

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const t = messages.value.reading
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog class="card dialog stack" ref={dialog} aria-labelledby="shortcuts-title" onClose={onClose}>
      <h2 id="shortcuts-title">{t.shortcuts}</h2>
      <dl class="shortcuts">
        {SHORTCUTS.map(({ id, keys }) => (
          <div key={id}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key === 'Space' ? t.spaceKey : key}</kbd>
              ))}
            </dt>
            <dd>{t.keys[id]}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={hasKeys.value}
          onChange={({ currentTarget: { checked } }) => {
            hasKeys.value = checked
          }}
        />
        {t.useKeys}
      </label>
      <button type="button" class="button" onClick={() => dialog.current?.close()}>
        {messages.value.close}
      </button>
    </dialog>
  )
}
