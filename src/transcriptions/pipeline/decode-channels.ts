import type { Changes } from '../../db/changes.ts'
import { BYTES_PER_SAMPLE, type PcmPiece, SAMPLE_RATE } from '../../media/media.ts'
import { Postponed } from '../../queue/queue.ts'
import type { TraceSpan } from '../../traces/traces.ts'
import type { Warning } from '../../warnings.ts'
import { audioKey } from '../storage-keys.ts'
import type { Transcription } from '../transcriptions.store.ts'
import { aheadSamples, readPrepared } from './decoded.store.ts'
import { inspectAudio } from './inspect-audio.ts'
import { createChannelPlanner, decodedIn, type PieceOutcome } from './plan-channel.ts'
import type { WorkServices } from './work-services.ts'

const AHEAD_CHECK_MS = 2_000
/** How long this recording leaves the decoder to another user's recording. */
const YIELD_SECONDS = 5

type DecodeOptions = {
  row: Transcription
  signal: AbortSignal
  traceSpan: TraceSpan
  isShort: boolean
  /** Whether another user's job waits for this decoder slot. */
  isWanted: () => Promise<boolean>
  /**
   * Called if the transcription has finished, or another delivery of this job was faster. Must abort
   * `signal`.
   */
  onAbandoned: () => void
  /** Called if a recording that seemed short has more than one piece. Throws. */
  onLong: () => Promise<never>
}

/** Whether nothing of it was decoded before. With `partStart`, the first pieces may have no samples to transcribe. */
const isNew = ({ decodedSamples, decodingRound, partStart }: Transcription) =>
  decodedSamples === 0 && decodingRound === 0 && partStart === null

/** Decodes all channels mixed into one or, with `channels=split`, one after the other. Throws `Postponed`. */
export async function decodeChannels(services: WorkServices, options: DecodeOptions): Promise<void> {
  const { storage } = services
  const { signal, traceSpan } = options
  const prepared = isNew(options.row) ? new Map() : await readPrepared(services.db, options.row.id)
  await storage.withFile(audioKey(options.row.id), async (path) => {
    const row = await inspectAudio(services, { row: options.row, path, signal, isDecoded: prepared.size > 0 })
    traceSpan.setAttributes({ 'verbatim.audio.codec': row.codec ?? 'unknown' })
    const isSplit = row.channels === 'split'
    const channels = isSplit ? row.audioChannels : 1
    let plannedSpans = 0
    let seconds = 0
    let decodedBefore = 0
    const warnings: Warning[] = []
    for (let channel = 0; channel < channels; channel++) {
      const plan = createChannelPlanner(services, {
        row,
        channel,
        channels,
        decodedBefore,
        ...(prepared.get(channel) ?? { stored: 0, until: null }),
        onPlanned: (spans) => {
          plannedSpans += spans
        },
      })
      const { samples, last, found } = await decodeChannel(services, options, {
        ...{ path, row, channels, plan },
        channel: isSplit ? channel : null,
      })
      warnings.push(...found)
      if (last) await afterPiece(services, options, { piece: last, outcome: await plan(last, warnings) })
      decodedBefore += decodedIn(row, samples)
      if (channel === 0) seconds = samples / SAMPLE_RATE
    }
    traceSpan.setAttributes({ 'verbatim.audio.seconds': seconds, 'verbatim.spans': plannedSpans })
  })
}

/**
 * Plans all pieces of a channel but the last, which is returned with the warnings: they are known after it,
 * and stored with it.
 */
async function decodeChannel(
  services: WorkServices,
  options: DecodeOptions,
  {
    path,
    row,
    channels,
    channel,
    plan,
  }: {
    path: string
    row: Transcription
    channels: number
    channel: number | null
    plan: ReturnType<typeof createChannelPlanner>
  },
): Promise<{ samples: number; last: PcmPiece | undefined; found: Warning[] }> {
  let samples = 0
  const held: PcmPiece[] = []
  const found = await services.media.decode({
    path,
    track: row.track,
    maxSeconds: services.maxAudioSeconds / channels,
    channel,
    isShort: options.isShort,
    group: row.userId,
    signal: options.signal,
    async take(piece) {
      samples += piece.pcm.length / BYTES_PER_SAMPLE
      if (piece.isLast) held.push(piece)
      else await afterPiece(services, options, { piece, outcome: await plan(piece) })
    },
  })
  return { samples, last: held[0], found }
}

/**
 * Between two pieces: stops, moves a long recording to its queue, or waits while engines are too far behind.
 */
async function afterPiece(
  services: WorkServices,
  { row, signal, isShort, isWanted, onAbandoned, onLong }: DecodeOptions,
  { piece, outcome }: { piece: PcmPiece; outcome: PieceOutcome },
): Promise<void> {
  if (outcome === 'abandoned') return onAbandoned()
  if (piece.isLast) return
  if (isShort) return onLong()
  if (outcome === 'known') return
  const maxSamples = services.decodeAheadSeconds * SAMPLE_RATE
  while ((await aheadSamples(services.db, row.userId)) >= maxSamples) {
    if (await isWanted()) {
      throw new Postponed('another user waits for the decoder', { seconds: YIELD_SECONDS })
    }
    await nextChange(services, { id: row.id, withinMs: AHEAD_CHECK_MS, signal })
    signal.throwIfAborted()
  }
}

/** Resolves at the transcription's next change, after `withinMs`, or when `signal` fires. */
async function nextChange(
  { changes }: { changes: Changes },
  { id, withinMs, signal }: { id: string; withinMs: number; signal: AbortSignal },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = changes.listen(id, resolve)
  const timer = setTimeout(resolve, withinMs)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
  stop()
}
