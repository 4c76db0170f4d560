import { writeSync } from 'node:fs'
import type { CoreFs } from '@ffmpeg/core'
import { VerbatimError } from '../../errors.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, type DecodedAudio, SAMPLES_PER_LEVEL } from '../media.ts'
import { levelsOf } from './level-meter.ts'
import { peaksOf } from './peaks.ts'
import { tooLong } from './refusals.ts'

export const OUTPUT = 'file:/dev/pcm'

/** 32 s: few writes, and a whole number of levels. */
const BUFFER_BYTES = 640 * SAMPLES_PER_LEVEL * BYTES_PER_SAMPLE
const CHARACTER_DEVICE = 0o666

/**
 * Takes the decoder's pcm and writes it to `fd` in large pieces, measuring levels and peaks on the way.
 * `write` throws `too_long` once there is more than `maxSeconds`, and `storage_full` when the disk is.
 */
export function createPcmSink(options: {
  fd: number
  maxSeconds: number
  onFlush: (seconds: number) => void
}) {
  const buffer = new Uint8Array(BUFFER_BYTES)
  const levels: Uint8Array[] = []
  const peaks: Uint8Array[] = []
  const maxBytes = Math.floor(options.maxSeconds * BYTES_PER_SECOND)
  let filled = 0
  let flushed = 0

  function flush(): void {
    const bytes = filled - (filled % BYTES_PER_SAMPLE)
    const samples = new Int16Array(buffer.buffer, 0, bytes / BYTES_PER_SAMPLE)
    levels.push(levelsOf(samples))
    peaks.push(peaksOf(samples))
    writeAll(options.fd, buffer.subarray(0, bytes))
    flushed += bytes
    filled = 0
    options.onFlush(flushed / BYTES_PER_SECOND)
  }

  return {
    write(bytes: Uint8Array): void {
      if (flushed + filled + bytes.length > maxBytes) throw tooLong(options.maxSeconds)
      for (let taken = 0; taken < bytes.length; ) {
        const piece = bytes.subarray(taken, taken + BUFFER_BYTES - filled)
        buffer.set(piece, filled)
        filled += piece.length
        taken += piece.length
        if (filled === BUFFER_BYTES) flush()
      }
    },
    finish(): DecodedAudio {
      flush()
      return { samples: flushed / BYTES_PER_SAMPLE, levels: joined(levels), peaks: joined(peaks) }
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

function writeAll(fd: number, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') throw cause
    throw new VerbatimError('storage_full', 'There is no room left on the disk to prepare the recording.')
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
