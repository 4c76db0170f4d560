import { VerbatimError } from '../errors.ts'
import { SAMPLE_RATE } from '../media/media.ts'

/** The stretch of the pcm that is transcribed. */
export type Part = { startSample: number; endSample: number }

/**
 * The part that was asked for in seconds, in audio of `totalSamples`; an end beyond the audio's is the audio's.
 * Throws `part_outside` where nothing is left of it.
 */
export function partOf(
  { partStart, partEnd }: { partStart: number | null; partEnd: number | null },
  totalSamples: number,
): Part {
  const startSample = Math.round((partStart ?? 0) * SAMPLE_RATE)
  const endSample = Math.min(
    partEnd === null ? totalSamples : Math.round(partEnd * SAMPLE_RATE),
    totalSamples,
  )
  if (startSample < endSample) return { startSample, endSample }
  const seconds = Math.round((totalSamples / SAMPLE_RATE) * 1000) / 1000
  throw new VerbatimError(
    'part_outside',
    `The part begins at ${partStart ?? 0} s, but the audio ends at ${seconds} s`,
  )
}
