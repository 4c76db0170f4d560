import type { Changes } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'
import { BYTES_PER_SECOND, type PcmPiece, SAMPLE_RATE } from '../../media/media.ts'
import { Postponed } from '../../queue/queue.ts'
import type { TraceSpan } from '../../traces/traces.ts'
import { audioKey } from '../storage-keys.ts'
import { setSound, type Transcription } from '../transcriptions.store.ts'
import { aheadSamples, preparedOf } from './decoded.store.ts'
import { createChannelPlanner, decodedIn, type Planned } from './plan-channel.ts'
import type { WorkServices } from './work-services.ts'

const AHEAD_CHECK_MS = 2_000
/** For so long another user's recording has the decoder's place. */
const PLACE_SECONDS = 5

export type Decoding = {
  row: Transcription
  signal: AbortSignal
  step: TraceSpan
  isShort: boolean
  /** Whether another user's job waits for this one's place. */
  isWanted: () => Promise<boolean>
  /** Called when nobody waits for the transcription any more: it is over, or another delivery of the same job was faster. */
  onOver: () => void
  /** Called when a recording that seemed short goes on behind its first piece. Throws. */
  onLong: () => Promise<never>
}

/** All channels mixed to one or, if they are transcribed apart, one after another. Throws `Postponed`. */
export async function decodeChannels(services: WorkServices, options: Decoding): Promise<void> {
  const { storage, media, maxAudioSeconds } = services
  const { row: found, signal, step, isShort } = options
  const prepared = await preparedOf(services.db, found.id)
  await storage.withFile(audioKey(found.id), async (path) => {
    const row = found.codec === null ? await probed(services, { row: found, path, signal }) : found
    step.setAttributes({ 'verbatim.audio.codec': row.codec ?? 'unknown' })
    const isSplit = row.channels === 'split'
    const channels = isSplit ? row.audioChannels : 1
    const told = { spans: 0, seconds: 0 }
    let decodedBefore = 0
    for (let channel = 0; channel < channels; channel++) {
      let samples = 0
      const plan = createChannelPlanner(services, {
        ...{ row, channel, channels, decodedBefore },
        ...(prepared.get(channel) ?? { stored: 0, until: null }),
        onPlanned: (more) => {
          told.spans += more
        },
      })
      await media.decode({
        path,
        maxSeconds: maxAudioSeconds / channels,
        channel: isSplit ? channel : null,
        isShort,
        group: row.userId,
        signal,
        async take(piece) {
          samples += (piece.pcm.length / BYTES_PER_SECOND) * SAMPLE_RATE
          await goOn(services, options, { piece, planned: await plan(piece) })
        },
      })
      decodedBefore += decodedIn(row, samples)
      if (channel === 0) told.seconds = samples / SAMPLE_RATE
    }
    step.setAttributes({ 'verbatim.audio.seconds': told.seconds, 'verbatim.spans': told.spans })
  })
}

/** Between two pieces: stops, hands the recording over, or waits while the engines are too far behind. */
async function goOn(
  services: WorkServices,
  { row, signal, isShort, isWanted, onOver, onLong }: Decoding,
  { piece, planned }: { piece: PcmPiece; planned: Planned },
): Promise<void> {
  if (planned === 'over') return onOver()
  if (piece.isLast) return
  if (isShort) return onLong()
  if (planned === 'known') return
  const maxSamples = services.decodeAheadSeconds * SAMPLE_RATE
  while ((await aheadSamples(services.db, row.userId)) >= maxSamples) {
    if (await isWanted()) {
      throw new Postponed('another user waits for the decoder', { seconds: PLACE_SECONDS })
    }
    await changed(services, { id: row.id, withinMs: AHEAD_CHECK_MS, signal })
    signal.throwIfAborted()
  }
}

/** Resolves at the transcription's next change, and after `withinMs` at the latest, or when `signal` fires. */
async function changed(
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

/** What could not be told of it where it was uploaded. */
async function probed(
  { db, media }: Pick<WorkServices, 'media'> & { db: Database },
  { row, path, signal }: { row: Transcription; path: string; signal: AbortSignal },
): Promise<Transcription> {
  const info = await media.probe(path, { signal, group: row.userId })
  const { codec, channels: audioChannels, claimedSeconds } = info
  return (await setSound(db, { id: row.id, codec, audioChannels, claimedSeconds })) ?? row
}
