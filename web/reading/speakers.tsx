import { useSignal } from '@preact/signals'
import { errorText } from '../api/client.ts'
import { formatDuration, formatPercent } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import type { Reading } from './reading.ts'
import { SpeakerBadge } from './speaker-badge.tsx'
import { speakerColorName } from './speaker-colors.ts'
import type { Renaming } from './speaker-dialog.tsx'

/** Who speaks, and for how long. */
export function Speakers({
  reading,
  isOpen,
  onSpeaker,
  renaming,
  onUndone,
}: {
  reading: Reading
  isOpen: boolean
  onSpeaker: (id: string) => void
  /** The last change, which can be undone. */
  renaming: Renaming | null
  onUndone: () => void
}) {
  const t = messages.value.reading
  const error = useSignal<string | null>(null)
  const speakers = reading.speakers.value
  const total = speakers.reduce((sum, { seconds }) => sum + seconds, 0)
  async function undo({ undo }: Renaming) {
    try {
      await reading.renameSpeakers(undo)
      onUndone()
    } catch (reason) {
      error.value = errorText(reason)
    }
  }
  return (
    <details class="section" open={isOpen}>
      <summary>
        <h2>{messages.value.speakersLabel}</h2>
      </summary>
      <ul class="speakers" aria-label={t.talkTime}>
        {speakers.map(({ id, name, seconds }, color) => {
          const share = total > 0 ? seconds / total : 0
          return (
            <li key={id}>
              <SpeakerBadge name={name ?? id} color={color} onClick={() => onSpeaker(id)} />
              <span class="small soft">
                {formatDuration(seconds)} · {formatPercent(share)}
              </span>
              <span class="share" aria-hidden="true">
                <span style={{ width: `${share * 100}%`, background: `var(${speakerColorName(color)})` }} />
              </span>
            </li>
          )
        })}
      </ul>
      <div role="status">
        {renaming && (
          <p class="notice small">
            {renaming.text}
            <button type="button" class="button" onClick={() => undo(renaming)}>
              {messages.value.undo}
            </button>
          </p>
        )}
      </div>
      {error.value && (
        <p class="notice error" role="alert">
          {error}
        </p>
      )}
    </details>
  )
}
