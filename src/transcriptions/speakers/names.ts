import type { StoredSpeaker } from '../../db/columns.ts'
import { quoted, VerbatimError } from '../../errors.ts'
import { storableText } from '../../storable-text.ts'
import { visibleSpeakers } from './visible-speakers.ts'

export const MAX_NAME_LENGTH = 100

/**
 * Gives speakers names; null takes a name away. Speakers with the same name are one. A change of that one is a
 * change of all; a change by the id of another of them concerns only that one, which makes it separate again.
 * Throws `validation`.
 */
export function renamed(
  stored: readonly StoredSpeaker[],
  names: Readonly<Record<string, string | null>>,
): StoredSpeaker[] {
  const { speakers, speakerOf } = visibleSpeakers(stored)
  const changes = new Map(Object.entries(names).map(([id, name]) => [id, nameFor(stored, { id, name })]))
  const unknown = [...changes.keys()].find((id) => !speakerOf.has(id))
  if (unknown !== undefined) {
    const ids = speakers.map(({ id }) => id).join(', ') || 'none'
    throw new VerbatimError('validation', `There is no speaker ${quoted(unknown)}; the speakers are ${ids}`)
  }
  return stored.map((speaker) => {
    const visible = speakerOf.get(speaker.id)?.id ?? speaker.id
    const name = changes.has(speaker.id) ? changes.get(speaker.id) : changes.get(visible)
    return name === undefined ? speaker : { ...speaker, name }
  })
}

function nameFor(
  stored: readonly StoredSpeaker[],
  { id, name: given }: { id: string; name: string | null },
): string | null {
  const name = given === null ? '' : parseName(given)
  if (name === '' || name === id) return null
  if (stored.some((speaker) => speaker.id === name)) {
    throw new VerbatimError(
      'validation',
      `The name of ${id} is ${quoted(name)}, the letter of another speaker: to merge the two, give both the same name`,
    )
  }
  return name
}

/** A name on one line. Throws `validation` if it is too long. */
export function parseName(text: string): string {
  const name = storableText(text)
    .normalize('NFC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  if (name.length <= MAX_NAME_LENGTH) return name
  throw new VerbatimError(
    'validation',
    `The name ${quoted(name)} has ${name.length} characters; it takes at most ${MAX_NAME_LENGTH}`,
  )
}
