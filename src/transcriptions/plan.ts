import { concatenated } from '../bytes.ts'
import type { Transaction } from '../db/database.ts'
import { BYTES_PER_SAMPLE, type PcmPiece } from '../media/media.ts'
import { planSpans } from '../media/span-plan.ts'
import { finishIfDone } from './finish.ts'
import { partOf, partWithin } from './part.ts'
import { removePcm, writePcmPiece } from './pcm.ts'
import { addSpans } from './span-jobs.ts'
import { plannedUntil } from './spans.store.ts'
import { holdUndecoded, insertEnvelope, setLength, type Transcription } from './transcriptions.store.ts'
import type { WorkServices } from './work-services.ts'

/**
 * Takes a channel's pieces in order: stores each, then writes what it sounds like and the spans that can be planned with
 * it in one transaction; the last piece of the last channel tells how long the audio is. The first `stored` are there
 * already. Gives false where nobody waits for it any more.
 */
export function createPlan(
  { db, queue, storage, engines, traces, log }: WorkServices,
  {
    row,
    channel,
    channels,
    stored,
    onPlanned,
  }: {
    row: Transcription
    channel: number
    channels: number
    stored: number
    /** Told how many spans were planned, once they are written. */
    onPlanned: (spans: number) => void
  },
) {
  const { id } = row
  let pieces = 0
  let samples = 0
  let levels = new Uint8Array()

  async function planOn(tx: Transaction, isLast: boolean) {
    const part = isLast ? partOf(row, samples) : partWithin(row, samples)
    const planned = await plannedUntil(tx, { id, channel })
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

  return async ({ pcm, isLast, ...envelope }: PcmPiece): Promise<boolean> => {
    const piece = pieces++
    samples += pcm.length / BYTES_PER_SAMPLE
    levels = concatenated([levels, envelope.levels])
    if (piece < stored && !isLast) return true
    if (piece >= stored) await writePcmPiece(storage, { id, channel, piece, pcm })
    const planned = await db.transaction(async (tx) => {
      if (!(await holdUndecoded(tx, id))) return null
      await insertEnvelope(tx, { transcriptionId: id, channel, piece, ...envelope })
      const { workSamples, spans } = await planOn(tx, isLast)
      const decoded =
        isLast && channel === channels - 1
          ? await setLength(tx, { id, totalSamples: samples, workSamples })
          : null
      return { spans, isDone: decoded !== null && (await finishIfDone(tx, { row: decoded, traces })) }
    })
    if (planned === null) return false
    onPlanned(planned.spans)
    if (planned.isDone) await removePcm({ storage, log }, id)
    return true
  }
}
