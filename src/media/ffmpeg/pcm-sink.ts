import type { CoreFs } from '@ffmpeg/core'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, type PcmPiece, SAMPLES_PER_PIECE } from '../media.ts'
import { tooLong } from '../refusals.ts'
import { levelsOf } from './level-meter.ts'
import { peaksOf } from './peaks.ts'

export const OUTPUT = 'file:/dev/pcm'

const PIECE_BYTES = SAMPLES_PER_PIECE * BYTES_PER_SAMPLE
/** A buffer for a whole piece would cost a short recording more than its samples do. */
const FIRST_BYTES = 32 * BYTES_PER_SECOND
const CHARACTER_DEVICE = 0o666

/**
 * Collects the decoder's pcm in pieces with their levels and peaks, and calls `onPiece` for each. `write`
 * throws `too_long` after more than `maxSeconds`. `finish` passes the last piece on; it returns false if
 * there was no pcm.
 */
export function createPcmSink({
  maxSeconds,
  onPiece,
}: {
  maxSeconds: number
  onPiece: (piece: PcmPiece) => void
}) {
  const maxBytes = Math.floor(maxSeconds * BYTES_PER_SECOND)
  let buffer = new Uint8Array(FIRST_BYTES)
  let filled = 0
  let passedOn = 0

  function passOn(isLast: boolean): void {
    const samples = new Int16Array(buffer.buffer, 0, Math.floor(filled / BYTES_PER_SAMPLE))
    const [levels, peaks] = [levelsOf(samples), peaksOf(samples)]
    const bytes = samples.byteLength
    onPiece({ pcm: bytes < buffer.length ? buffer.slice(0, bytes) : buffer, levels, peaks, isLast })
    passedOn += bytes
    filled = 0
  }

  return {
    write(bytes: Uint8Array): void {
      if (passedOn + filled + bytes.length > maxBytes) throw tooLong(maxSeconds)
      for (let offset = 0; offset < bytes.length; ) {
        // Not before more bytes arrive, since the last piece must be marked as such.
        if (filled === PIECE_BYTES) {
          passOn(false)
          buffer = new Uint8Array(PIECE_BYTES)
        } else if (filled === buffer.length) {
          const whole = new Uint8Array(PIECE_BYTES)
          whole.set(buffer)
          buffer = whole
        }
        const fitting = bytes.subarray(offset, offset + buffer.length - filled)
        buffer.set(fitting, filled)
        filled += fitting.length
        offset += fitting.length
      }
    },
    finish(): boolean {
      if (filled < BYTES_PER_SAMPLE) return false
      passOn(true)
      return true
    },
  }
}

/** Creates `/dev/pcm`, the decoder's only output. It calls `write`, whose errors end the run. */
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
