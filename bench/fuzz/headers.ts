/**
 * The markers of header fields in containers and codecs; sizes, rates, channel counts and durations follow
 * them.
 */
const MARKERS = [
  // RIFF, W64, AIFF, CAF
  ...'RIFF|fmt |data|fact|LIST|avih|strh|strf|movi|idx1|wave|COMM|SSND|caff|desc|kuki|pakt|chan'.split('|'),
  // MP4
  ...'ftyp|moov|mvhd|tkhd|mdhd|hdlr|stsd|stts|stsc|stsz|stco|elst|dref|mp4a|esds|alac'.split('|'),
  ...'moof|mfhd|tfhd|trun|tfdt|mdat|udta|ilst'.split('|'),
  // Ogg, FLAC, MP3
  ...'OggS|OpusHead|OpusTags|\x01vorbis|\x03vorbis|\x05vorbis|fLaC|ID3|Xing|Info'.split('|'),
  // EBML: segment, info, tracks, track, audio, cluster, cues
  ...'\x18\x53\x80\x67|\x15\x49\xa9\x66|\x16\x54\xae\x6b|\xae|\xe1|\x1f\x43\xb6\x75|\x1c\x53\xbb\x6b'.split(
    '|',
  ),
  // FLV, AU, TTA, WavPack, DTS, MPEG-PS, MLP, VOC, RealMedia, NUT, RF64
  ...'onMetaData|.snd|TTA1|wvpk|\x7f\xfe\x80\x01|\x00\x00\x01\xba|\x00\x00\x01\xbd|\xf8\x72\x6f|Creative'.split(
    '|',
  ),
  ...'.RMF|MDPR|NM\x7a\x56|RF64|ds64'.split('|'),
  // ASF: file, stream and data objects
  ...'\xa1\xdc\xab\x8c|\x91\x07\xdc\xb7|\x36\x26\xb2\x75'.split('|'),
]

const FIRST_BYTES = 1024
/** The fields of a header lie within this many bytes behind its marker. */
export const FIELDS_BYTES = 48

/** Offsets of header fields: behind the first occurrence of each marker, and all over the first KiB. */
export function headerOffsets(bytes: Uint8Array): number[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const marked = MARKERS.map((marker) => text.indexOf(marker, 0, 'latin1')).filter((at) => at >= 0)
  const count = Math.ceil(Math.min(bytes.length, FIRST_BYTES) / FIELDS_BYTES)
  const first = Array.from({ length: count }, (_, index) => index * FIELDS_BYTES)
  // The markers and the first KiB are drawn about equally often.
  const copies = Math.max(1, Math.round(first.length / Math.max(1, marked.length)))
  return [...first, ...Array.from({ length: copies }, () => marked).flat()]
}
