import type { Log } from '../log.ts'
import { BYTES_PER_SAMPLE, SAMPLES_PER_PIECE } from '../media/media.ts'
import type { Storage } from '../storage/storage.ts'
import { pcmFolder, pcmKey } from './keys.ts'

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
  await storage.write(pcmKey(place), body)
}

/** The pcm of [startSample, endSample), from whatever pieces it lies in. Throws `not_found` where one of them is gone. */
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
    for await (const bytes of await storage.read(pcmKey({ ...place, piece }), range)) {
      pcm.set(bytes, filled)
      filled += bytes.length
    }
    at += end - start
  }
  return filled < pcm.length ? pcm.slice(0, filled) : pcm
}

/** Of a transcription that is completed: nobody reads it any more. What cannot be removed now goes with the transcription. */
export async function removePcm({ storage, log }: { storage: Storage; log: Log }, id: string): Promise<void> {
  await storage.remove(pcmFolder(id)).catch((error) => log(`removing the pcm of ${id} failed`, error))
}
