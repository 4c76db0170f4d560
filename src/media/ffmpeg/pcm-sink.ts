import type { CoreFs } from '@ffmpeg/core'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, type PcmPiece, SAMPLES_PER_PIECE } from '../media.ts'
import { tooLong } from '../refusals.ts'
import { levelsOf } from './level-meter.ts'
import { peaksOf } from './peaks.ts'

export const OUTPUT = 'file:/dev/pcm'

const PIECE_BYTES = SAMPLES_PER_PIECE * BYTES_PER_SAMPLE
const CHARACTER_DEVICE = 0o666

/**
 * Takes the decoder's pcm and gives it on in pieces, their levels and peaks measured. `write` throws `too_long` once there
 * is more than `maxSeconds`; `finish` gives the last piece, and false where there was nothing at all.
 */
export function createPcmSink({ maxSeconds, give }: { maxSeconds: number; give: (piece: PcmPiece) => void }) {
  const maxBytes = Math.floor(maxSeconds * BYTES_PER_SECOND)
  let buffer = new Uint8Array(PIECE_BYTES)
  let filled = 0
  let given = 0

  function giveFilled(isLast: boolean): void {
    const samples = new Int16Array(buffer.buffer, 0, Math.floor(filled / BYTES_PER_SAMPLE))
    const [levels, peaks] = [levelsOf(samples), peaksOf(samples)]
    const bytes = samples.byteLength
    give({ pcm: bytes < PIECE_BYTES ? buffer.slice(0, bytes) : buffer, levels, peaks, isLast })
    given += bytes
    filled = 0
  }

  return {
    write(bytes: Uint8Array): void {
      if (given + filled + bytes.length > maxBytes) throw tooLong(maxSeconds)
      for (let taken = 0; taken < bytes.length; ) {
        // Only when there is more: the last piece is to be known as such.
        if (filled === PIECE_BYTES) {
          giveFilled(false)
          buffer = new Uint8Array(PIECE_BYTES)
        }
        const part = bytes.subarray(taken, taken + PIECE_BYTES - filled)
        buffer.set(part, filled)
        filled += part.length
        taken += part.length
      }
    },
    finish(): boolean {
      if (filled < BYTES_PER_SAMPLE) return false
      giveFilled(true)
      return true
    },
  }
}

/** Makes `/dev/pcm`, the decoder's only way out: what it writes there goes to `write`, whose errors end the run. */
export function mountOutput(fs: CoreFs, write: (bytes: Uint8Array) => void): void {
  const device = fs.makedev(80, 0)
  fs.registerDevice(device, {
    open(stream) {
      stream.seekable = false
    },
    read: () => 0,
    write(_stream, heap, offset, length) {
      write(new Uint8Array(heap.buffer, heap.byteOffset + offset, length))
      return length
    },
  })
  fs.mkdev('/dev/pcm', CHARACTER_DEVICE, device)
}
