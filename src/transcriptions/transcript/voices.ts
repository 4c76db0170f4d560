import { visibleSpeakers } from '../speakers/visible-speakers.ts'
import type { Transcription } from '../transcriptions.store.ts'

type VoicesRow = Pick<Transcription, 'channels' | 'audioChannels' | 'speakers'>

/** The channel of a segment as transcripts name it; null if a transcript has only one channel. */
function channelVoice(channel: number, { channels, audioChannels }: VoicesRow): string | null {
  return channels === 'split' && audioChannels > 1 ? `Channel ${channel + 1}` : null
}

/**
 * Adds the voice of each segment: the name or letter of its speaker, or else its channel. `speaker` becomes
 * the id of the speaker as transcripts list it.
 */
export function withVoices<T extends { channel: number; speaker: string | null }>(
  segments: T[],
  row: VoicesRow,
): (T & { voice: string | null })[] {
  const { speakerOf } = visibleSpeakers(row.speakers ?? [])
  return segments.map((segment) => {
    const speaker = segment.speaker === null ? undefined : speakerOf.get(segment.speaker)
    return {
      ...segment,
      speaker: speaker?.id ?? segment.speaker,
      voice: speaker ? (speaker.name ?? speaker.id) : (segment.speaker ?? channelVoice(segment.channel, row)),
    }
  })
}

/** The characters before a text that show who speaks, where no markup can. */
export const labelOf = (voice: string | null): string => (voice === null ? '' : `${voice}: `)
