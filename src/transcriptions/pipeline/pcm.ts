import { VerbatimError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { BYTES_PER_SAMPLE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { Storage } from '../../storage/storage.ts'
import { pcmFolder, pcmKey } from '../storage-keys.ts'

type ChannelKey = { id: string; channel: number }

/** Stores a pcm piece of a channel; overwrites a stored one. Throws `storage_full`. */
export async function writePcmPiece(
  storage: Pick<Storage, 'write'>,
  { pcm, ...channelKey }: ChannelKey & { piece: number; pcm: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(pcm)
      controller.close()
    },
  })
  // The upload is accepted and the pcm is temporary, so that it may use the reserve of the disk.
  await storage.write(pcmKey(channelKey), body, { mayUseReserve: true })
}

/** A pcm piece is missing or truncated. */
export class PcmMissing extends Error {
  override name = 'PcmMissing'
  readonly channel: number
  readonly piece: number

  constructor({ channel, piece }: { channel: number; piece: number }, options?: ErrorOptions) {
    super(`piece ${piece} of channel ${channel} is missing`, options)
    this.channel = channel
    this.piece = piece
  }
}

/**
 * Reads the pcm of [startSample, endSample) from its pieces. Returns less if the last piece ends earlier, but
 * not before `requiredEnd`. Throws `PcmMissing`.
 */
export async function readPcm(
  storage: Storage,
  {
    startSample,
    endSample,
    requiredEnd = endSample,
    ...channelKey
  }: ChannelKey & { startSample: number; endSample: number; requiredEnd?: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const pcm = new Uint8Array((endSample - startSample) * BYTES_PER_SAMPLE)
  let filled = 0
  for (let at = startSample; at < endSample; ) {
    const piece = Math.floor(at / SAMPLES_PER_PIECE)
    const start = at - piece * SAMPLES_PER_PIECE
    const end = Math.min(endSample - piece * SAMPLES_PER_PIECE, SAMPLES_PER_PIECE)
    const range = { start: start * BYTES_PER_SAMPLE, end: end * BYTES_PER_SAMPLE }
    for await (const bytes of piecePcm(storage, { ...channelKey, piece }, range)) {
      pcm.set(bytes, filled)
      filled += bytes.length
    }
    at += end - start
    const isShort = filled < (at - startSample) * BYTES_PER_SAMPLE
    if (isShort && filled < (requiredEnd - startSample) * BYTES_PER_SAMPLE) {
      throw new PcmMissing({ ...channelKey, piece })
    }
  }
  return filled < pcm.length ? pcm.slice(0, filled) : pcm
}

/** The bytes of a piece within `range`. A piece can also disappear between its opening and its first bytes. */
async function* piecePcm(
  storage: Storage,
  pieceKey: ChannelKey & { piece: number },
  range: { start: number; end: number },
) {
  const key = pcmKey(pieceKey)
  try {
    yield* await storage.read(key, range)
  } catch (error) {
    const wasAbsent = error instanceof VerbatimError && error.code === 'not_found'
    if (wasAbsent || (await storage.size(key)) === null) throw new PcmMissing(pieceKey, { cause: error })
    throw error
  }
}

/** Removes the pcm of a finished transcription. Logs a failure: the pcm then goes with the transcription. */
export async function removePcm({ storage, log }: PcmServices, id: string): Promise<void> {
  await storage.remove(pcmFolder(id)).catch((error) => log(`cannot remove the pcm of ${id}`, error))
}

/** As `removePcm`, for one piece. */
export async function removePcmPiece(
  { storage, log }: PcmServices,
  { piece, ...channelKey }: ChannelKey & { piece: number },
): Promise<void> {
  await storage
    .remove(pcmKey({ ...channelKey, piece }))
    .catch((error) => log(`cannot remove piece ${piece} of the pcm of ${channelKey.id}`, error))
}

type PcmServices = { storage: Pick<Storage, 'remove'>; log: Log }
