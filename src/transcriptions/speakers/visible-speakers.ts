import type { StoredSpeaker } from '../../db/columns.ts'

/** Speakers with the same name are one: the first of them, with the seconds of all. */
export function visibleSpeakers(stored: readonly StoredSpeaker[]): {
  speakers: StoredSpeaker[]
  /** The visible speaker of each stored one, by id. */
  speakerOf: ReadonlyMap<string, StoredSpeaker>
} {
  const groups = [
    ...Map.groupBy(stored, ({ id, name }) => (name === null ? `id ${id}` : `name ${name}`)).values(),
  ]
  const speakerOf = new Map<string, StoredSpeaker>()
  const speakers = groups.flatMap((group) => {
    const [first] = group
    if (!first) return []
    const seconds = group.reduce((sum, speaker) => sum + speaker.seconds, 0)
    const speaker = { ...first, seconds: Math.round(seconds * 1000) / 1000 }
    for (const { id } of group) speakerOf.set(id, speaker)
    return [speaker]
  })
  return { speakers, speakerOf }
}
