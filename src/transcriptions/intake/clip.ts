import type { Transaction } from '../../db/database.ts'
import { BYTES_PER_SAMPLE, SAMPLE_RATE, type Sound } from '../../media/media.ts'
import type { Queue } from '../../queue/queue.ts'
import type { Storage } from '../../storage/storage.ts'
import { insertEnvelope } from '../envelopes.store.ts'
import { writePcmPiece } from '../pipeline/pcm.ts'
import { enqueueSpans, type QueueRank } from '../pipeline/span-jobs.ts'
import { insertSpans } from '../spans.store.ts'
import type { NewTranscription } from '../transcriptions.store.ts'
import type { AcceptedUpload } from './accepted.ts'

/** A recording that was decoded while it was inspected, whose only span needs no prepare. Its pcm is stored. */
export type Clip = Omit<Sound['piece'], 'pcm' | 'isLast'> & {
  samples: number
  warnings: Sound['warnings']
}

/**
 * Stores the pcm of a clip. Null if prepare must decode the recording: a part or each channel of it is wanted, it is
 * longer than it may be, or its pcm cannot be stored now.
 */
export async function storeClip(
  storage: Pick<Storage, 'write'>,
  {
    id,
    options: { channels, partStart, partEnd },
    sound,
    maxAudioSeconds,
  }: Pick<AcceptedUpload, 'id' | 'options'> & { sound: Sound | null; maxAudioSeconds: number },
): Promise<Clip | null> {
  const isWhole = channels === 'mix' && partStart === null && partEnd === null
  if (!sound || !isWhole) return null
  const { pcm, levels, peaks } = sound.piece
  const samples = pcm.length / BYTES_PER_SAMPLE
  if (samples > maxAudioSeconds * SAMPLE_RATE) return null
  try {
    await writePcmPiece(storage, { id, channel: 0, piece: 0, pcm })
    return { samples, levels, peaks, warnings: sound.warnings }
  } catch {
    return null
  }
}

/** What the row of a clip's transcription has from the start. */
export function clipColumns({ samples, warnings }: Clip) {
  return {
    status: 'processing',
    totalSamples: samples,
    workSamples: samples,
    decodedSamples: samples,
    warnings,
  } satisfies Partial<NewTranscription>
}

/** Inserts a clip's envelope and its span, and enqueues the span. */
export async function insertClip(
  tx: Transaction,
  {
    queue,
    id,
    clip: { samples, levels, peaks },
    rank,
  }: { queue: Pick<Queue, 'enqueue'>; id: string; clip: Clip; rank: QueueRank },
): Promise<void> {
  await insertEnvelope(tx, { transcriptionId: id, channel: 0, piece: 0, levels, peaks })
  const ranges = [{ channel: 0, startSample: 0, endSample: samples }]
  const spans = await insertSpans(tx, { transcriptionId: id, ranges })
  await enqueueSpans(tx, { queue, spans: spans.map((span) => ({ ...span, ...rank })) })
}
