import type { SpeakerTurn } from '../speakers/assign-words.ts'

/**
 * NIST's Rich Transcription Time Marked: a line for each speaker turn. Its fields are separated by spaces, so
 * that a name has none. Channels count from 1.
 */
export function toRttm(turns: readonly (SpeakerTurn & { channel: number })[], id: string): string {
  return turns
    .map(({ speaker, channel, start, end }) => {
      const name = speaker.replace(/\s+/g, '_')
      const times = `${start.toFixed(3)} ${(end - start).toFixed(3)}`
      return `SPEAKER ${id} ${channel + 1} ${times} <NA> <NA> ${name} <NA> <NA>\n`
    })
    .join('')
}
