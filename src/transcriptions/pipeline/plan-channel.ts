import { concatenated } from '../../bytes.ts'
import type { Transaction } from '../../db/database.ts'
import { BYTES_PER_SAMPLE, type PcmPiece } from '../../media/media.ts'
import { planSpans } from '../../media/span-plan.ts'
import { insertEnvelope } from '../envelopes.store.ts'
import { mayTranscribe } from '../intake/usage-limits.ts'
import { plannedUntil, spansWithin } from '../spans.store.ts'
import { holdUndecoded, setLength, type Transcription } from '../transcriptions.store.ts'
import { countDecoded, setDecoded } from './decoded.store.ts'
import { finishIfDone } from './finish.ts'
import { removePcm, writePcmPiece } from './pcm.ts'
import { addSpans, enqueueSpans, rankOf } from './span-jobs.ts'
import { timeRangeOf, timeRangeWithin } from './time-range.ts'
import type { WorkServices } from './work-services.ts'

/** What became of a piece: it was known before, it is written down, or nobody waits for the transcription any more. */
export type Planned = 'known' | 'planned' | 'over'

type Channel = {
  row: Transcription
  channel: number
  channels: number
  /** Pieces that are known, from the first on. */
  stored: number
  /** Where the channel's spans end: with nothing stored, those of a transcription that is prepared again. */
  until: number | null
  /** What there is to transcribe of the channels before it. */
  decodedBefore: number
  /** Called with the number of spans that were planned, once they are written. */
  onPlanned: (spans: number) => void
}

/**
 * Takes a channel's pieces in order: stores each, then writes what it sounds like and the spans that can be planned with
 * it in one transaction; the last piece of the last channel tells how long the audio is.
 */
export function createChannelPlanner(
  services: WorkServices,
  { row, channel, channels, stored, until, decodedBefore, onPlanned }: Channel,
) {
  const { db, queue, storage, engines, traces, log, usageLimits } = services
  const { id } = row
  let pieces = 0
  let samples = 0
  let levels = new Uint8Array()

  async function isNeeded(from: number): Promise<boolean> {
    const part = timeRangeWithin(row, samples)
    if (part.endSample <= from || part.startSample >= samples) return false
    if (until === null || samples > until) return true
    const near = await spansWithin(db, { id, channel, startSample: from, endSample: samples })
    return near.some(({ state }) => state !== 'done')
  }

  /** Spans that were planned before the pcm was lost or removed, and that end in this piece. */
  async function planAgain(tx: Transaction, from: number) {
    const near = await spansWithin(tx, { id, channel, startSample: from, endSample: samples })
    const ready = near.filter(({ state, endSample }) => state !== 'done' && endSample <= samples)
    const turn = await rankOf(tx, row)
    await enqueueSpans(tx, { queue, spans: ready.map((span) => ({ ...span, ...turn })) })
  }

  async function planOn(
    tx: Transaction,
    { from, isLast, isNew }: { from: number; isLast: boolean; isNew: boolean },
  ) {
    const part = isLast ? timeRangeOf(row, samples) : timeRangeWithin(row, samples)
    const planned = await plannedUntil(tx, { id, channel })
    if (isNew && planned !== null && planned > from) await planAgain(tx, from)
    const ranges = planSpans({
      levels,
      startSample: planned ?? part.startSample,
      endSample: part.endSample,
      targetSeconds: engines.targetSpanSeconds,
      maxSeconds: engines.maxSpanSeconds,
      isWhole: isLast || part.endSample < samples,
    })
    await addSpans(tx, { queue, transcription: row, ranges: ranges.map((range) => ({ channel, ...range })) })
    return { workSamples: channels * (part.endSample - part.startSample), spans: ranges.length }
  }

  async function writeDown(
    tx: Transaction,
    { piece, from, isLast, ...envelope }: Omit<PcmPiece, 'pcm'> & { piece: number; from: number },
  ) {
    const decodedSamples = decodedBefore + decodedIn(row, samples)
    if (!(await holdUndecoded(tx, row))) {
      await countDecoded(tx, { id, decodedSamples })
      return null
    }
    const isNew = await insertEnvelope(tx, { transcriptionId: id, channel, piece, ...envelope })
    const isEnd = isLast && channel === channels - 1
    if (!(await mayTranscribe(tx, { row, decodedSamples, usageLimits }))) return null
    if (!isEnd) await setDecoded(tx, { id, decodedSamples })
    const { workSamples, spans } = await planOn(tx, { from, isLast, isNew })
    const decoded = isEnd ? await setLength(tx, { id, totalSamples: samples, workSamples }) : null
    return { spans, isDone: decoded !== null && (await finishIfDone(tx, { row: decoded, traces })) }
  }

  return async ({ pcm, isLast, ...envelope }: PcmPiece): Promise<Planned> => {
    const piece = pieces++
    const from = samples
    samples += pcm.length / BYTES_PER_SAMPLE
    levels = concatenated([levels, envelope.levels])
    if (piece < stored && !isLast) return 'known'
    if (piece >= stored && (await isNeeded(from))) await writePcmPiece(storage, { id, channel, piece, pcm })
    const planned = await db.transaction((tx) => writeDown(tx, { piece, from, isLast, ...envelope }))
    if (planned === null) return 'over'
    onPlanned(planned.spans)
    if (planned.isDone) await removePcm({ storage, log }, id)
    return 'planned'
  }
}

/** How much there is to transcribe in the first `samples` of a channel. */
export function decodedIn(row: Transcription, samples: number): number {
  const { startSample, endSample } = timeRangeWithin(row, samples)
  return endSample - startSample
}
