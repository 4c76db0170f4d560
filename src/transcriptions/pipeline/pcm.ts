import { VerbatimError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { BYTES_PER_SAMPLE, SAMPLES_PER_PIECE } from '../../media/media.ts'
import type { Storage } from '../../storage/storage.ts'
import { pcmFolder, pcmKey } from '../storage-keys.ts'

type Place = { id: string; channel: number }

/** Stores a piece of a channel's pcm (from 0); one that is stored already is written over. Throws `storage_full`. */
export async function writePcmPiece(
  storage: Storage,
  { pcm, ...place }: Place & { piece: number; pcm: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(pcm)
      controller.close()
    },
  })
  // It is of an upload that was accepted, and gone once that is transcribed.
  await storage.write(pcmKey(place), body, { mayUseReserve: true })
}

/** A piece of pcm is not stored, or not all of it. */
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

/** The pcm of [startSample, endSample), from whatever pieces it lies in. Throws `PcmMissing`. */
export async function readPcm(
  storage: Storage,
  { startSample, endSample, ...place }: Place & { startSample: number; endSample: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const pcm = new Uint8Array((endSample - startSample) * BYTES_PER_SAMPLE)
  let filled = 0
  for (let at = startSample; at < endSample; ) {
    const piece = Math.floor(at / SAMPLES_PER_PIECE)
    const start = at - piece * SAMPLES_PER_PIECE
    const end = Math.min(endSample - piece * SAMPLES_PER_PIECE, SAMPLES_PER_PIECE)
    const range = { start: start * BYTES_PER_SAMPLE, end: end * BYTES_PER_SAMPLE }
    for await (const bytes of await openPiece(storage, { ...place, piece }, range)) {
      pcm.set(bytes, filled)
      filled += bytes.length
    }
    at += end - start
    if (filled < (at - startSample) * BYTES_PER_SAMPLE) throw new PcmMissing({ ...place, piece })
  }
  return pcm
}

async function openPiece(
  storage: Storage,
  place: Place & { piece: number },
  range: { start: number; end: number },
) {
  return storage.read(pcmKey(place), range).catch((error: unknown) => {
    if (error instanceof VerbatimError && error.code === 'not_found') {
      throw new PcmMissing(place, { cause: error })
    }
    throw error
  })
}

/** Of a transcription that is over. What cannot be removed now is removed with the transcription. */
export async function removePcm({ storage, log }: PcmServices, id: string): Promise<void> {
  await storage.remove(pcmFolder(id)).catch((error) => log(`removing the pcm of ${id} failed`, error))
}

/** As `removePcm`, of one piece. */
export async function removePcmPiece(
  { storage, log }: PcmServices,
  { piece, ...place }: Place & { piece: number },
): Promise<void> {
  await storage
    .remove(pcmKey({ ...place, piece }))
    .catch((error) => log(`removing a piece of the pcm of ${place.id} failed`, error))
}

type PcmServices = { storage: Pick<Storage, 'remove'>; log: Log }
