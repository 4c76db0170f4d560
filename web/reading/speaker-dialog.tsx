import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { errorText } from '../api/client.ts'
import { messages } from '../i18n/messages.ts'
import type { Reading, Speaker } from './reading.ts'

/** The limit of the API. */
const MAX_NAME_LENGTH = 100

export type Renaming = {
  names: Record<string, string | null>
  undo: Record<string, string | null>
  text: string
}

/** Names a speaker, or makes it one with another. */
export function SpeakerDialog({
  reading,
  speaker,
  onClose,
  onRenamed,
}: {
  reading: Reading
  speaker: Speaker
  onClose: () => void
  onRenamed: (renaming: Renaming) => void
}) {
  const t = messages.value
  const dialog = useRef<HTMLDialogElement>(null)
  const name = useSignal(speaker.name ?? '')
  const sameAs = useSignal('')
  const error = useSignal<string | null>(null)
  const others = reading.speakers.value.filter(({ id }) => id !== speaker.id)
  useEffect(() => dialog.current?.showModal(), [])
  async function save(event: Event) {
    event.preventDefault()
    const other = others.find(({ id }) => id === sameAs.value)
    const renaming = other
      ? mergeOf(speaker, other, t.reading.speakerNamed)
      : nameOf(speaker, { name: name.value.trim() || null, others })
    try {
      await reading.renameSpeakers(renaming.names)
      dialog.current?.close()
      onRenamed({
        ...renaming,
        text: other
          ? t.reading.merged(speaker.name ?? speaker.id, other.name ?? other.id)
          : t.reading.renamed(speaker.name ?? speaker.id, name.value.trim() || speaker.id),
      })
    } catch (reason) {
      error.value = errorText(reason)
    }
  }
  return (
    <dialog class="card dialog" ref={dialog} aria-labelledby="speaker-title" onClose={onClose}>
      <form class="stack" onSubmit={save}>
        <h2 id="speaker-title">{t.reading.speakerNamed(speaker.name ?? speaker.id)}</h2>
        <div class="field">
          <label for="speaker-name">{t.reading.name}</label>
          <input
            class="input"
            id="speaker-name"
            autocomplete="off"
            maxLength={MAX_NAME_LENGTH}
            disabled={sameAs.value !== ''}
            value={name.value}
            onInput={({ currentTarget: { value } }) => {
              name.value = value
            }}
          />
        </div>
        {others.length > 0 && (
          <div class="field">
            <label for="speaker-same">{t.reading.sameAs}</label>
            <select
              class="input"
              id="speaker-same"
              value={sameAs.value}
              onChange={({ currentTarget: { value } }) => {
                sameAs.value = value
              }}
            >
              <option value="">{t.reading.sameAsNobody}</option>
              {others.map((other) => (
                <option key={other.id} value={other.id}>
                  {other.name ?? other.id}
                </option>
              ))}
            </select>
          </div>
        )}
        {error.value && (
          <p class="notice error" role="alert">
            {error}
          </p>
        )}
        <div class="row">
          <button type="submit" class="button primary">
            {t.reading.save}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t.cancel}
          </button>
        </div>
      </form>
    </dialog>
  )
}

type Names = Omit<Renaming, 'text'>

function nameOf(
  speaker: Speaker,
  { name, others }: { name: string | null; others: readonly Speaker[] },
): Names {
  // The name of another speaker merges the two.
  const same = others.find((other) => other.name !== null && other.name === name)
  return {
    names: { [speaker.id]: name },
    undo: { ...(same && { [same.id]: same.name }), [speaker.id]: speaker.name },
  }
}

/** Speakers with the same name are one. A letter is not a name that two can have. */
function mergeOf(speaker: Speaker, other: Speaker, nameOf: (name: string) => string): Names {
  const name = other.name ?? speaker.name ?? nameOf(other.id)
  return {
    names: { [other.id]: name, [speaker.id]: name },
    undo: { [other.id]: other.name, [speaker.id]: speaker.name },
  }
}
