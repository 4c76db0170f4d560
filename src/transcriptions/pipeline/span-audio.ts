import type { SpanRequest } from '../../engines/engine.ts'
import { BYTES_PER_SAMPLE, SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Span } from '../spans.store.ts'
import type { Transcription } from '../transcriptions.store.ts'
import { readPcm } from './pcm.ts'

export type SpanAudio = Pick<SpanRequest, 'pcm' | 'diarize'>

/** Speech on each side of a span by which the voices at its edges are recognized. */
const CONTEXT_SAMPLES = 5 * SAMPLE_RATE

/**
 * Reads the pcm of a span and, to tell speakers apart, its context: at most 5 s on each side, within the
 * requested time range and the pieces that the span itself is part of. These pieces are stored until the span
 * is finished, so that every attempt on any machine hears the same. Throws `PcmMissing`.
 */
export async function readSpanAudio(
  storage: Storage,
  { span, transcription }: { span: Span; transcription: Transcription },
): Promise<SpanAudio> {
  const { startSample, endSample, channel } = span
  const key = { id: transcription.id, channel }
  if (!transcription.diarize)
    return { pcm: await readPcm(storage, { ...key, startSample, endSample }), diarize: null }
  const range = contextRange(span, transcription)
  const all = await readPcm(storage, { ...key, ...range, requiredEnd: endSample })
  const start = (startSample - range.startSample) * BYTES_PER_SAMPLE
  const end = (endSample - range.startSample) * BYTES_PER_SAMPLE
  return {
    pcm: all.subarray(start, end),
    diarize: { before: all.subarray(0, start), after: all.subarray(end) },
  }
}

function contextRange({ startSample, endSample }: Span, { partStart, partEnd }: Transcription) {
  const firstPiece = Math.floor(startSample / SAMPLES_PER_PIECE)
  const endPiece = Math.ceil(endSample / SAMPLES_PER_PIECE)
  const rangeStart = Math.round((partStart ?? 0) * SAMPLE_RATE)
  const rangeEnd = partEnd === null ? Number.POSITIVE_INFINITY : Math.round(partEnd * SAMPLE_RATE)
  return {
    startSample: Math.max(startSample - CONTEXT_SAMPLES, firstPiece * SAMPLES_PER_PIECE, rangeStart),
    endSample: Math.min(endSample + CONTEXT_SAMPLES, endPiece * SAMPLES_PER_PIECE, rangeEnd),
  }
}
