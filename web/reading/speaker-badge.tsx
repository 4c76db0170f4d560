import { messages } from '../i18n/messages.ts'
import { speakerColorName } from './speaker-colors.ts'

/** The name of a speaker with its colour. A button if the speaker can be renamed. */
export function SpeakerBadge({
  name,
  color,
  onClick,
}: {
  name: string
  color: number
  onClick: (() => void) | null
}) {
  const style = { '--speaker': `var(${speakerColorName(color)})` }
  if (!onClick) {
    return (
      <span class="speaker" style={style}>
        {name}
      </span>
    )
  }
  return (
    <button
      type="button"
      class="speaker"
      style={style}
      title={messages.value.reading.rename}
      aria-label={messages.value.reading.renameNamed(name)}
      onClick={onClick}
    >
      {name}
    </button>
  )
}
