/** What containers and codecs begin their headers with; sizes, rates, channel counts and durations stand right behind. */
const MARKS = [
  // RIFF, W64, AIFF, CAF
  ...['RIFF', 'fmt ', 'data', 'fact', 'LIST', 'avih', 'strh', 'strf', 'movi', 'idx1', 'wave'],
  ...['COMM', 'SSND', 'caff', 'desc', 'kuki', 'pakt', 'chan'],
  // MP4
  ...['ftyp', 'moov', 'mvhd', 'tkhd', 'mdhd', 'hdlr', 'stsd', 'stts', 'stsc', 'stsz', 'stco', 'elst', 'dref'],
  ...['mp4a', 'esds', 'alac', 'moof', 'mfhd', 'tfhd', 'trun', 'tfdt', 'mdat', 'udta', 'ilst'],
  // Ogg, FLAC, MP3
  ...[
    'OggS',
    'OpusHead',
    'OpusTags',
    '\x01vorbis',
    '\x03vorbis',
    '\x05vorbis',
    'fLaC',
    'ID3',
    'Xing',
    'Info',
  ],
  // EBML: segment, info, tracks, track, audio, cluster, cues; ASF: file, stream and data objects
  ...['\x18\x53\x80\x67', '\x15\x49\xa9\x66', '\x16\x54\xae\x6b', '\xae', '\xe1', '\x1f\x43\xb6\x75'],
  ...['\x1c\x53\xbb\x6b', '\xa1\xdc\xab\x8c', '\x91\x07\xdc\xb7', '\x36\x26\xb2\x75'],
]

const FIRST_BYTES = 1024
/** How far behind a mark its fields go. */
export const FIELDS_BYTES = 48

/** Offsets that a header's fields follow: every mark's first one, and all over the first KiB. */
export function headerSpots(bytes: Uint8Array): number[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const marked = MARKS.map((mark) => text.indexOf(mark, 0, 'latin1')).filter((at) => at >= 0)
  const first = Array.from(
    { length: Math.ceil(Math.min(bytes.length, FIRST_BYTES) / FIELDS_BYTES) },
    (_, index) => index * FIELDS_BYTES,
  )
  // As many draws for the marks as for the first KiB, whichever are more.
  const copies = Math.max(1, Math.round(first.length / Math.max(1, marked.length)))
  return [...first, ...Array.from({ length: copies }, () => marked).flat()]
}
