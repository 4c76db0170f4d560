import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, SAMPLE_RATE } from './media.ts'

const HEADER_BYTES = 44
const PCM_FORMAT = 1
const BITS_PER_BYTE = 8

/** Prepends the 44-byte RIFF header to `pcm` (16 kHz, mono, s16le, less than 4 GiB). */
export function wavOf(pcm: Uint8Array): Uint8Array<ArrayBuffer> {
  const wav = new Uint8Array(HEADER_BYTES + pcm.length)
  const header = new DataView(wav.buffer)
  const text = (offset: number, ascii: string) => wav.set(new TextEncoder().encode(ascii), offset)
  text(0, 'RIFF')
  header.setUint32(4, HEADER_BYTES - 8 + pcm.length, true)
  text(8, 'WAVEfmt ')
  header.setUint32(16, 16, true)
  header.setUint16(20, PCM_FORMAT, true)
  header.setUint16(22, 1, true)
  header.setUint32(24, SAMPLE_RATE, true)
  header.setUint32(28, BYTES_PER_SECOND, true)
  header.setUint16(32, BYTES_PER_SAMPLE, true)
  header.setUint16(34, BYTES_PER_SAMPLE * BITS_PER_BYTE, true)
  text(36, 'data')
  header.setUint32(40, pcm.length, true)
  wav.set(pcm, HEADER_BYTES)
  return wav
}
