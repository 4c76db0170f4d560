import { SAMPLE_RATE } from '../media/media.ts'
import type { Transcription } from './transcriptions.store.ts'

/**
 * How much of a transcription's audio there is to transcribe, in seconds over all channels; before it is decoded, as its
 * header claims. Null where that says nothing.
 */
export function workSeconds(
  row: Pick<
    Transcription,
    'workSamples' | 'claimedSeconds' | 'partStart' | 'partEnd' | 'channels' | 'audioChannels'
  >,
): number | null {
  if (row.workSamples !== null) return row.workSamples / SAMPLE_RATE
  if (row.claimedSeconds === null) return null
  const part = Math.min(row.partEnd ?? row.claimedSeconds, row.claimedSeconds) - (row.partStart ?? 0)
  return Math.max(0, part) * (row.channels === 'split' ? row.audioChannels : 1)
}
