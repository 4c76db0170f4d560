import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** The stretch of the pcm that is transcribed; empty where `startSample` is not before `endSample`. */
export type TimeRange = { startSample: number; endSample: number }

type Asked = Pick<Transcription, 'partStart' | 'partEnd'>

/** What lies in the first `samples` of the audio of the part that was asked for in seconds. */
export function timeRangeWithin({ partStart, partEnd }: Asked, samples: number): TimeRange {
  const startSample = Math.round((partStart ?? 0) * SAMPLE_RATE)
  const endSample = partEnd === null ? samples : Math.min(Math.round(partEnd * SAMPLE_RATE), samples)
  return { startSample, endSample: Math.max(startSample, endSample) }
}

/** The whole part, in audio of `totalSamples`; an end beyond the audio's is the audio's. Throws `part_outside` where it is empty. */
export function timeRangeOf(asked: Asked, totalSamples: number): TimeRange {
  const part = timeRangeWithin(asked, totalSamples)
  if (part.startSample < part.endSample) return part
  const seconds = Math.round((totalSamples / SAMPLE_RATE) * 1000) / 1000
  throw new VerbatimError(
    'part_outside',
    `The part begins at ${asked.partStart ?? 0} s, but the audio ends at ${seconds} s`,
  )
}
