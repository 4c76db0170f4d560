import { concatenated } from '../../bytes.ts'
import type { Transaction } from '../../db/database.ts'
import { BYTES_PER_SAMPLE, type PcmPiece } from '../../media/media.ts'
import { planSpans } from '../../media/span-plan.ts'
import type { Warning } from '../../warnings.ts'
import { insertEnvelope } from '../envelopes.store.ts'
import { listSpansWithin, plannedEnd, type SpanRange } from '../spans.store.ts'
import { setLength, type Transcription } from '../transcriptions.store.ts'
import { mayTranscribe } from './daily-limit.ts'
import { raiseDecoded, setDecoded } from './decoded.store.ts'
import { withDecodingWarnings } from './decoding-warnings.ts'
import { finishIfDone } from './finish.ts'
import { removePcm, writePcmPiece } from './pcm.ts'
import { addSpans, enqueueSpans, rankOf } from './span-jobs.ts'
import { timeRangeOf, timeRangeWithin } from './time-range.ts'
import type { WorkServices } from './work-services.ts'

/**
 * `known`: recorded before. `planned`: recorded now. `abandoned`: the transcription has finished or was
 * restarted.
 */
export type PieceOutcome = 'known' | 'planned' | 'abandoned'

type ChannelOptions = {
  row: Transcription
  channel: number
  channels: number
  /** Number of pieces that are recorded, from the first on. */
  stored: number
  /** Sample at which the channel's spans end; also set if the pcm was lost and is decoded again. */
  until: number | null
  /** Samples to transcribe of the channels before this one. */
  decodedBefore: number
  /** Called with the number of new spans after their commit. */
  onPlanned: (spans: number) => void
}

type Range = { startSample: number; endSample: number }

type Planning = { from: number; isLast: boolean; range: Range }

type Progress = { isEnd: boolean; decodedSamples: number; range: Range; warnings: Warning[] }

/**
 * Returns a function that takes a channel's pieces in order. It stores the pcm of a piece; one transaction
 * then writes its envelope and the spans that can be cut by now. The last piece of the last channel sets the
 * audio's length, with the warnings of all channels.
 */
export function createChannelPlanner(
  services: WorkServices,
  { row, channel, channels, stored, until, decodedBefore, onPlanned }: ChannelOptions,
) {
  const { db, queue, storage, engines, traces, log, audioSecondsPerDay } = services
  const { id } = row
  let pieces = 0
  let samples = 0
  let levels = new Uint8Array()

  /** Whether the pcm from `from` on has to be stored for a span that is not done. */
  async function isNeeded(from: number): Promise<boolean> {
    const range = timeRangeWithin(row, samples)
    if (range.endSample <= from || range.startSample >= samples) return false
    if (until === null || samples > until) return true
    const spans = await listSpansWithin(db, { id, channel, startSample: from, endSample: samples })
    return spans.some(({ state }) => state !== 'done')
  }

  async function planNext(
    tx: Transaction,
    { from, isLast, isNew, range }: Planning & { isNew: boolean },
  ): Promise<number> {
    const planned = isOnlyPiece({ isLast }) ? null : await plannedEnd(tx, { id, channel })
    if (isNew && planned !== null && planned > from) {
      await enqueuePlanned(tx, { queue, row, channel, startSample: from, endSample: samples })
    }
    const ranges = planSpans({
      levels,
      startSample: planned ?? range.startSample,
      endSample: range.endSample,
      targetSeconds: engines.targetSpanSeconds,
      maxSeconds: engines.maxSpanSeconds,
      isWhole: isLast || range.endSample < samples,
    })
    await addSpans(tx, { queue, transcription: row, ranges: ranges.map((span) => ({ channel, ...span })) })
    return ranges.length
  }

  /** Whether no spans can be planned yet: the transaction that planned them also set the length. */
  const isOnlyPiece = ({ isLast }: { isLast: boolean }) =>
    isLast && pieces === 1 && channels === 1 && row.decodingRound === 0

  /** Locks the transcription. Null if it has finished, or was decoded or restarted meanwhile. */
  async function setProgress(
    tx: Transaction,
    { isEnd, decodedSamples, range, warnings }: Progress,
  ): Promise<Transcription | null> {
    if (!isEnd) return setDecoded(tx, { ...row, decodedSamples })
    const workSamples = channels * (range.endSample - range.startSample)
    const found = withDecodingWarnings(row.warnings, warnings)
    return setLength(tx, { ...row, totalSamples: samples, workSamples, warnings: found })
  }

  async function recordPiece(
    tx: Transaction,
    {
      piece,
      from,
      isLast,
      warnings,
      ...envelope
    }: Omit<PcmPiece, 'pcm'> & { piece: number; from: number; warnings: Warning[] },
  ) {
    const decodedSamples = decodedBefore + decodedIn(row, samples)
    const range = isLast ? timeRangeOf(row, samples) : timeRangeWithin(row, samples)
    const isEnd = isLast && channel === channels - 1
    if (!(await mayTranscribe(tx, { row, decodedSamples, audioSecondsPerDay }))) return null
    const current = await setProgress(tx, { isEnd, decodedSamples, range, warnings })
    if (!current) {
      await raiseDecoded(tx, { id, decodedSamples })
      return null
    }
    const isNew = await insertEnvelope(tx, { transcriptionId: id, channel, piece, ...envelope })
    const spans = await planNext(tx, { from, isLast, isNew, range })
    return { spans, isDone: isEnd && (await finishIfDone(tx, { row: current, traces, log })) }
  }

  return async ({ pcm, isLast, ...envelope }: PcmPiece, warnings: Warning[] = []): Promise<PieceOutcome> => {
    const piece = pieces++
    const from = samples
    samples += pcm.length / BYTES_PER_SAMPLE
    levels = concatenated([levels, envelope.levels])
    if (piece < stored && !isLast) return 'known'
    if (piece >= stored && (await isNeeded(from))) await writePcmPiece(storage, { id, channel, piece, pcm })
    const recorded = await db.transaction((tx) =>
      recordPiece(tx, { piece, from, isLast, warnings, ...envelope }),
    )
    if (recorded === null) return 'abandoned'
    onPlanned(recorded.spans)
    if (recorded.isDone) await removePcm({ storage, log }, id)
    return 'planned'
  }
}

/** Enqueues the spans that end in this range and were planned before their pcm was lost or removed. */
async function enqueuePlanned(
  tx: Transaction,
  { queue, row, ...range }: Pick<WorkServices, 'queue'> & { row: Transcription } & SpanRange,
) {
  const spans = await listSpansWithin(tx, { id: row.id, ...range })
  const ready = spans.filter(({ state, endSample }) => state !== 'done' && endSample <= range.endSample)
  const rank = await rankOf(tx, row)
  await enqueueSpans(tx, { queue, spans: ready.map((span) => ({ ...span, ...rank })) })
}

/** Samples to transcribe in the first `samples` of a channel. */
export function decodedIn(row: Transcription, samples: number): number {
  const { startSample, endSample } = timeRangeWithin(row, samples)
  return endSample - startSample
}
