import { useLayoutEffect, useRef } from 'preact/hooks'
import { messages } from '../i18n/messages.ts'
import { pauseClock, pending, resumeClock, undo } from './undo.ts'

export function UndoNotice() {
  const button = useRef<HTMLButtonElement>(null)
  // A layout effect, so that a key which is pressed as the notice appears reaches its button.
  useLayoutEffect(() => {
    if (pending.value?.isByKeyboard) button.current?.focus()
  }, [pending.value])
  const t = messages.value
  return (
    <div class="toast-place" role="status">
      {pending.value && (
        <div class="toast">
          <span>{t.deleted(pending.value.name)}</span>
          {/* The clock stops while the button is in use (WCAG 2.2.1). */}
          <button
            ref={button}
            type="button"
            class="button quiet"
            onClick={undo}
            onFocus={pauseClock}
            onBlur={resumeClock}
            onMouseEnter={pauseClock}
            onMouseLeave={resumeClock}
          >
            {t.undo}
          </button>
        </div>
      )}
    </div>
  )
}
