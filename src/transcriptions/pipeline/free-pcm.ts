import type { Database } from '../../db/database.ts'
import type { Log } from '../../log.ts'
import { SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { Storage } from '../../storage/storage.ts'
import { type SpanRange, spansWithin } from '../spans.store.ts'
import type { Transcription } from '../transcriptions.store.ts'
import { removePcmPiece } from './pcm.ts'

/**
 * Removes the pieces of pcm that no span needs any more once one of their spans is done. Of a recording that is one piece, all
 * is removed when it is completed.
 */
export async function freePcm(
  services: { db: Database; storage: Pick<Storage, 'remove'>; log: Log },
  { transcription, span }: { transcription: Transcription; span: SpanRange },
): Promise<void> {
  const { id, totalSamples } = transcription
  if (totalSamples !== null && totalSamples <= SAMPLES_PER_PIECE) return
  const { channel } = span
  const first = Math.floor(span.startSample / SAMPLES_PER_PIECE)
  const behind = Math.ceil(span.endSample / SAMPLES_PER_PIECE)
  const near = await spansWithin(services.db, {
    id,
    channel,
    startSample: first * SAMPLES_PER_PIECE,
    endSample: behind * SAMPLES_PER_PIECE,
  })
  const done = near.filter(({ state }) => state === 'done')
  for (let piece = first; piece < behind; piece++) {
    const needed = neededOf(transcription, piece)
    const samples = done.reduce((sum, one) => sum + overlap(one, needed), 0)
    if (samples >= needed.endSample - needed.startSample) {
      await removePcmPiece(services, { id, channel, piece })
    }
  }
}

type Stretch = { startSample: number; endSample: number }

/** What of a piece is transcribed. Behind the end of the audio, once that is known, and outside of the part is nothing. */
function neededOf({ partStart, partEnd, totalSamples }: Transcription, piece: number): Stretch {
  return {
    startSample: Math.max(piece * SAMPLES_PER_PIECE, Math.round((partStart ?? 0) * SAMPLE_RATE)),
    endSample: Math.min(
      (piece + 1) * SAMPLES_PER_PIECE,
      totalSamples ?? Number.POSITIVE_INFINITY,
      partEnd === null ? Number.POSITIVE_INFINITY : Math.round(partEnd * SAMPLE_RATE),
    ),
  }
}

const overlap = (one: Stretch, other: Stretch) =>
  Math.max(0, Math.min(one.endSample, other.endSample) - Math.max(one.startSample, other.startSample))
