import type { Transcription } from '../transcriptions.store.ts'

/** The channel of a segment as transcripts name it; null if a transcript has only one channel. */
function voiceOf(
  channel: number,
  { channels, audioChannels }: Pick<Transcription, 'channels' | 'audioChannels'>,
): string | null {
  return channels === 'split' && audioChannels > 1 ? `Channel ${channel + 1}` : null
}

/** Adds the voice of each segment. */
export function withVoices<T extends { channel: number }>(
  segments: T[],
  row: Pick<Transcription, 'channels' | 'audioChannels'>,
): (T & { voice: string | null })[] {
  return segments.map((segment) => ({ ...segment, voice: voiceOf(segment.channel, row) }))
}

/** The characters before a text that show who speaks, where no markup can. */
export const labelOf = (voice: string | null): string => (voice === null ? '' : `${voice}: `)
