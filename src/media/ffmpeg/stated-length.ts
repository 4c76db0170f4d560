import type { Warning } from '../../warnings.ts'
import type { Probed } from './probe.ts'
import type { Recording } from './recording.ts'
import { bytesAt, type Source } from './source.ts'
import type { Timeline } from './timeline.ts'

/** Differences below this are rounding, padding of codecs, or a last frame: 0.5 s or 2 %. */
const TOLERANCE = { seconds: 0.5, share: 0.02 }

/** Demuxers whose length comes from the header, and is not an estimate from the bit rate or the last packet. */
const STATING = /^(flac|mov|matroska|wv|tta|ape|aiff|au|caf|w64|avi|asf|flv|mpc8?|tak|shn|dsf|rm)\b/

const ID3_HEAD = 10
const XING_BYTES = 4_096
const LAST_PAGE_BYTES = 128 * 1024
const PAGE_HEAD = 27

/** Messages of demuxers about data that the header announces and the file does not have. */
const CUT_OFF = /File ended prematurely|partial file|Truncat/i

/**
 * Compares the decoded length with the one that the file states. `lines`: what the decoder reported.
 */
export function lengthWarning(
  recording: Recording,
  { probed, timeline, lines }: { probed: Probed; timeline: Timeline; lines: string[] },
): Warning | null {
  const { source, wav } = recording
  const seconds = timeline.seconds()
  const stated = statedSeconds(recording, { probed, timeline })
  if (wav?.hasOtherFormat) {
    return {
      code: 'data_beyond_header',
      message:
        'Another recording in another format follows in the file. It was not transcribed: upload it separately.',
    }
  }
  if (stated !== null) {
    const tolerance = Math.max(TOLERANCE.seconds, TOLERANCE.share * stated)
    if (seconds < stated - tolerance)
      return truncated(`The file states ${format(stated)}, but only ${format(seconds)} could be read`)
    if (seconds > stated + tolerance) {
      return {
        code: 'data_beyond_header',
        message: `The file states ${format(stated)}, but has ${format(seconds)}. All of it was read.`,
      }
    }
  }
  if (isCutOgg(source) || isCutContainer(source) || lines.some((line) => CUT_OFF.test(line))) {
    return truncated(`The file ends in the middle of its data, after ${format(seconds)}`)
  }
  return null
}

/** Whether the file was cut off, so that it is shorter than a player shows. */
export const isTruncated = (warning: Warning | null) => warning?.code === 'truncated'

/** Null if the file states no length, or one with a gap that was left out. */
function statedSeconds(
  { source, wav }: Recording,
  { probed: { info, trackSeconds }, timeline }: { probed: Probed; timeline: Timeline },
): number | null {
  if (wav) return wav.claimedSeconds
  if (timeline.omitted().length > 0) return null
  const isStated = STATING.test(info.container) || (info.container === 'mp3' && hasXingHeader(source))
  return isStated ? trackSeconds : null
}

/** Whether an mp3 states its number of frames. Its first frame may follow an ID3 tag. */
function hasXingHeader(source: Source): boolean {
  const head = bytesAt(source, 0, ID3_HEAD)
  const isTag = latin1(head).startsWith('ID3')
  const start = isTag ? ID3_HEAD + head.subarray(6).reduce((size, byte) => size * 128 + (byte & 127), 0) : 0
  return /Xing|Info|VBRI/.test(latin1(bytesAt(source, start, XING_BYTES)))
}

/** Whether the last page of an Ogg file is incomplete. */
function isCutOgg(source: Source): boolean {
  if (latin1(bytesAt(source, 0, 4)) !== 'OggS') return false
  const start = Math.max(0, source.size - LAST_PAGE_BYTES)
  const end = bytesAt(source, start, LAST_PAGE_BYTES)
  const page = latin1(end).lastIndexOf('OggS')
  if (page < 0) return true
  const segments = end[page + PAGE_HEAD - 1]
  if (segments === undefined) return true
  const table = end.subarray(page + PAGE_HEAD, page + PAGE_HEAD + segments)
  if (table.length < segments) return true
  return page + PAGE_HEAD + segments + table.reduce((sum, size) => sum + size, 0) > end.length
}

/**
 * Whether the size that an AIFF, CAF, W64 or AVI file states is larger than the file. Their demuxers state the
 * length that is left.
 */
function isCutContainer(source: Source): boolean {
  const head = bytesAt(source, 0, 64)
  if (head.length < 64) return false
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  const id = latin1(head.subarray(0, 4))
  if (id === 'FORM') return view.getUint32(4) + 8 > source.size
  if (id === 'riff') return Number(view.getBigUint64(16, true)) > source.size
  if (id === 'RIFF' && latin1(head.subarray(8, 12)) === 'AVI ')
    return view.getUint32(4, true) + 8 > source.size
  return id === 'caff' && isCutCaf(source)
}

/** A size of −1 is unknown: the sound lasts until the end. */
function isCutCaf(source: Source): boolean {
  let at = 8
  for (let count = 0; count < 100; count++) {
    const chunk = bytesAt(source, at, 12)
    if (chunk.length < 12) return false
    const bytes = Number(new DataView(chunk.buffer, chunk.byteOffset).getBigInt64(4))
    if (bytes < 0) return false
    at += 12 + bytes
    if (latin1(chunk.subarray(0, 4)) === 'data') return at > source.size
  }
  return false
}

const latin1 = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes)
const format = (seconds: number) => `${seconds.toFixed(1)} s`

const truncated = (fact: string): Warning => ({
  code: 'truncated',
  message: `${fact}: the end of the recording is missing.`,
})
