import type { Surround } from './mixer.ts'

/** ffmpeg's names of layouts that have a center; it is the third channel in all of them. */
const WITH_CENTER = /^(3\.[01]$|4\.[01]|5\.[01]|6\.0$|6\.1(?!\(front\))|7\.[01]|(hexa|octa|hexadeca)gonal)/
const LOW_FREQUENCY = /\.1/

/** The special channels of the layout that a track declares. A layout guessed from the count has none. */
export function surroundOf(layout: string | null): Surround | null {
  if (layout === null) return null
  const center = WITH_CENTER.test(layout) ? 2 : null
  const lowFrequency = LOW_FREQUENCY.test(layout) ? (center === null ? 2 : 3) : null
  return center === null && lowFrequency === null ? null : { center, lowFrequency }
}
