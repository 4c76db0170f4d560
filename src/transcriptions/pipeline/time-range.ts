import { VerbatimError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../media/media.ts'
import type { Transcription } from '../transcriptions.store.ts'

/** The samples that are transcribed; empty if `startSample` equals `endSample`. */
export type TimeRange = { startSample: number; endSample: number }

type RequestedRange = Pick<Transcription, 'partStart' | 'partEnd'>

/** The part of the requested range (in seconds) that lies in the first `samples` of the audio. */
export function timeRangeWithin({ partStart, partEnd }: RequestedRange, samples: number): TimeRange {
  const startSample = Math.round((partStart ?? 0) * SAMPLE_RATE)
  const endSample = partEnd === null ? samples : Math.min(Math.round(partEnd * SAMPLE_RATE), samples)
  return { startSample, endSample: Math.max(startSample, endSample) }
}

/** The requested range in audio of `totalSamples`, cut at its end. Throws `part_outside` if it is empty. */
export function timeRangeOf(requested: RequestedRange, totalSamples: number): TimeRange {
  const range = timeRangeWithin(requested, totalSamples)
  if (range.startSample < range.endSample) return range
  const seconds = Math.round((totalSamples / SAMPLE_RATE) * 1000) / 1000
  throw new VerbatimError(
    'part_outside',
    `start is ${requested.partStart ?? 0} s, but the audio ends at ${seconds} s: send an earlier start`,
  )
}
