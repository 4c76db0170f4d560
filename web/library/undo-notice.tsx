import { messages } from '../i18n/messages.ts'
import { pauseClock, pending, resumeClock, undo } from './undo.ts'

export function UndoNotice() {
  const t = messages.value
  return (
    <div class="toast-place" role="status">
      {pending.value && (
        <div class="toast">
          <span>{t.deleted(pending.value.name)}</span>
          {/* The clock stops while the button is in use (WCAG 2.2.1). */}
          <button
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
