import { bytesAt, joinedSource, type Source } from './source.ts'

/** A WAV whose sizes are corrected. */
export type WavSource = {
  source: Source
  /** The length that the header states; null if it states none, as while a recorder writes. */
  claimedSeconds: number | null
  /** The sound in the file, whatever the header states; null if its codec has no fixed bit rate. */
  seconds: number | null
  /** Another recording follows that has another format. It is not in `source`. */
  hasOtherFormat: boolean
}

type Layout = { format: Uint8Array; dataStart: number; dataBytes: number | null }

const RIFF_IDS = ['RIFF', 'RF64', 'BW64']
const CHUNK_HEAD = 8
const RIFF_HEAD = 12
const MAX_CHUNKS = 1_000
const MAX_JOINED = 100_000
const MAX_FORMAT_BYTES = 4_096
/** Programs that write to a pipe state about the largest size that fits, or 0. */
const UNKNOWN_SIZE = 0x7fff_0000
/** PCM, float, A-law, µ-law, extensible. The headers of other formats often have a wrong bit rate. */
const FIXED_RATE = [1, 3, 6, 7, 0xfffe]
/** Fewer bytes after the sound are padding. */
const MIN_SOUND_SECONDS = 0.02

/**
 * Corrects a WAV, RF64 or BW64 file whose header states less sound than follows: of a recorder that crashed,
 * or of files that were joined. Null if the file is none of these, or if its chunks cannot be read.
 */
export function wavSource(source: Source): WavSource | null {
  const first = layoutAt(source, 0)
  if (!first) return null
  const ranges: { start: number; end: number }[] = []
  let hasOtherFormat = false
  let layout: Layout | null = first
  while (layout && ranges.length < MAX_JOINED) {
    if (!isSameFormat(layout.format, first.format)) {
      hasOtherFormat = true
      break
    }
    const end = soundEnd(source, layout)
    ranges.push({ start: layout.dataStart, end })
    const next = end + (end % 2)
    layout = layoutAt(source, next) ?? layoutAt(source, end)
  }
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  const rate = bytesPerSecond(first.format)
  const stated = first.dataBytes
  const isAsStated = ranges.length === 1 && (stated === null || stated >= bytes)
  return {
    source: isAsStated ? source : joinedSource(source, { head: headOf(first.format), ranges }),
    claimedSeconds: rate && stated !== null ? stated / rate : null,
    seconds: rate && bytes / rate,
    hasOtherFormat,
  }
}

/** Where the sound of a recording ends: at the next one, at chunks that follow the sound, or at the file's end. */
function soundEnd(source: Source, { format, dataStart, dataBytes }: Layout): number {
  if (dataBytes === null || dataStart + dataBytes >= source.size) return source.size
  const end = dataStart + dataBytes
  const isComplete = [end, end + (end % 2)].some(
    (at) =>
      source.size - at < minSoundBytes(format) || hasChunksFrom(source, at) || layoutAt(source, at) !== null,
  )
  return isComplete ? end : source.size
}

const minSoundBytes = (format: Uint8Array) => MIN_SOUND_SECONDS * (bytesPerSecond(format) ?? 8_000)

/** The chunks of a recording up to its sound. Null if there is no recording at `start`. */
function layoutAt(source: Source, start: number): Layout | null {
  const head = bytesAt(source, start, RIFF_HEAD)
  if (!RIFF_IDS.includes(text(head, 0)) || text(head, 8) !== 'WAVE') return null
  let format: Uint8Array | null = null
  let longSize: number | null = null
  let at = start + RIFF_HEAD
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const chunk = bytesAt(source, at, CHUNK_HEAD)
    if (chunk.length < CHUNK_HEAD) return null
    const id = text(chunk, 0)
    const size = uint32(chunk, 4)
    const body = at + CHUNK_HEAD
    if (id === 'data')
      return format && { format, dataStart: body, dataBytes: dataSize(source, { body, size, longSize }) }
    if (id === 'fmt ') format = bytesAt(source, body, Math.min(size, MAX_FORMAT_BYTES))
    if (id === 'ds64') longSize = uint64(bytesAt(source, body + 8, 8))
    at = body + size + (size % 2)
  }
  return null
}

/** The stated size of the sound; null if the header states none. */
function dataSize(
  source: Source,
  { body, size, longSize }: { body: number; size: number; longSize: number | null },
): number | null {
  if (size === 0xffff_ffff && longSize !== null) return longSize
  if (size >= UNKNOWN_SIZE && body + size > source.size) return null
  if (size > 0) return size
  return source.size > body && !hasChunksFrom(source, body) ? null : 0
}

/** Whether the file continues with chunks up to its end, such as tags. */
function hasChunksFrom(source: Source, start: number): boolean {
  let at = start
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const chunk = bytesAt(source, at, CHUNK_HEAD)
    if (!/^[\x20-\x7e]{4}$/.test(text(chunk, 0)) || RIFF_IDS.includes(text(chunk, 0))) return false
    at += CHUNK_HEAD + uint32(chunk, 4)
    if (at > source.size) return false
    if (source.size - at < CHUNK_HEAD) return true
    at += at % 2
  }
  return true
}

/** Codec, channels, sample rate, and sizes of samples. */
function isSameFormat(a: Uint8Array, b: Uint8Array): boolean {
  return a.length >= 16 && b.length >= 16 && a.subarray(0, 16).every((byte, index) => byte === b[index])
}

function bytesPerSecond(format: Uint8Array): number | null {
  if (format.length < 16 || !FIXED_RATE.includes(view(format).getUint16(0, true))) return null
  return uint32(format, 8) || null
}

/** A header that states no size. */
function headOf(stated: Uint8Array): Uint8Array {
  const format = stated.subarray(0, stated.length - (stated.length % 2))
  const head = new Uint8Array(RIFF_HEAD + CHUNK_HEAD + format.length + CHUNK_HEAD)
  const fields = new DataView(head.buffer)
  const put = (ascii: string, at: number) => head.set(new TextEncoder().encode(ascii), at)
  put('RIFF', 0)
  fields.setUint32(4, 0xffff_ffff, true)
  put('WAVEfmt ', 8)
  fields.setUint32(16, format.length, true)
  head.set(format, 20)
  put('data', 20 + format.length)
  fields.setUint32(24 + format.length, 0xffff_ffff, true)
  return head
}

const text = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4))
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const uint32 = (bytes: Uint8Array, at: number) =>
  bytes.length >= at + 4 ? view(bytes).getUint32(at, true) : 0
const uint64 = (bytes: Uint8Array) => (bytes.length >= 8 ? Number(view(bytes).getBigUint64(0, true)) : null)
