import type { Database } from '../../db/database.ts'
import type { Log } from '../../log.ts'
import { SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { Storage } from '../../storage/storage.ts'
import { listSpansWithin, type SpanRange } from '../spans.store.ts'
import type { Transcription } from '../transcriptions.store.ts'
import { removePcmPiece } from './pcm.ts'

/**
 * Removes the pcm pieces of a finished span that no unfinished span needs. Does nothing for a recording of
 * one piece: its pcm is removed when it is completed.
 */
export async function freePcm(
  services: { db: Database; storage: Pick<Storage, 'remove'>; log: Log },
  { transcription, span }: { transcription: Transcription; span: SpanRange },
): Promise<void> {
  const { id, totalSamples } = transcription
  if (totalSamples !== null && totalSamples <= SAMPLES_PER_PIECE) return
  const { channel } = span
  const firstPiece = Math.floor(span.startSample / SAMPLES_PER_PIECE)
  const endPiece = Math.ceil(span.endSample / SAMPLES_PER_PIECE)
  const spans = await listSpansWithin(services.db, {
    id,
    channel,
    startSample: firstPiece * SAMPLES_PER_PIECE,
    endSample: endPiece * SAMPLES_PER_PIECE,
  })
  const done = spans.filter(({ state }) => state === 'done')
  for (let piece = firstPiece; piece < endPiece; piece++) {
    const needed = neededOf(transcription, piece)
    const samples = done.reduce((sum, range) => sum + overlap(range, needed), 0)
    if (samples >= needed.endSample - needed.startSample) {
      await removePcmPiece(services, { id, channel, piece })
    }
  }
}

type SampleRange = { startSample: number; endSample: number }

/**
 * The samples of a piece that are transcribed: within the audio, if its length is known, and the requested
 * time range.
 */
function neededOf({ partStart, partEnd, totalSamples }: Transcription, piece: number): SampleRange {
  return {
    startSample: Math.max(piece * SAMPLES_PER_PIECE, Math.round((partStart ?? 0) * SAMPLE_RATE)),
    endSample: Math.min(
      (piece + 1) * SAMPLES_PER_PIECE,
      totalSamples ?? Number.POSITIVE_INFINITY,
      partEnd === null ? Number.POSITIVE_INFINITY : Math.round(partEnd * SAMPLE_RATE),
    ),
  }
}

const overlap = (a: SampleRange, b: SampleRange) =>
  Math.max(0, Math.min(a.endSample, b.endSample) - Math.max(a.startSample, b.startSample))
