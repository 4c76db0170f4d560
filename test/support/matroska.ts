import { SAMPLE_RATE } from '../../src/media/media.ts'
import { atVolume } from './pcm.ts'

/** An audio track of 16-bit pcm at 16 kHz. */
type MatroskaTrack = {
  pcm: Uint8Array
  channels?: number
  language?: string
  title?: string
  isDefault?: boolean
}

const text = (value: string) => new TextEncoder().encode(value)

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

/** An EBML element (RFC 8794): its id, its size in 8 bytes, and its content; a number is an unsigned integer. */
function element(id: number, ...content: (Uint8Array | number)[]): Uint8Array {
  const body = Buffer.concat(content.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))
  const digits = id.toString(16)
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(body.length))
  size[0] = 0x01
  return Buffer.concat([Buffer.from(digits, 'hex'), size, body])
}

/** A Matroska file (RFC 9559) with several audio tracks. */
export function matroskaOf(tracks: MatroskaTrack[]): Uint8Array<ArrayBuffer> {
  const seconds = Math.max(
    ...tracks.map(({ pcm, channels = 1 }) => pcm.length / (2 * channels * SAMPLE_RATE)),
  )
  const header = element(
    0x1a45dfa3,
    element(0x4282, text('matroska')),
    element(0x4287, 4),
    element(0x4285, 2),
  )
  const info = element(
    0x1549a966,
    // Times in milliseconds.
    element(0x2ad7b1, 0x0f, 0x42, 0x40),
    element(0x4489, float(seconds * 1000)),
    element(0x4d80, text('test')),
    element(0x5741, text('test')),
  )
  const clusters = Array.from({ length: Math.ceil(seconds) }, (_, second) => clusterAt(tracks, second))
  const entries = element(0x1654ae6b, ...tracks.map(trackEntry))
  return new Uint8Array(Buffer.concat([header, element(0x18538067, info, entries, ...clusters)]))
}

function trackEntry(
  { channels = 1, language = 'und', title, isDefault = false }: MatroskaTrack,
  index: number,
): Uint8Array {
  return element(
    0xae,
    element(0xd7, index + 1),
    element(0x73c5, index + 1),
    element(0x83, 2),
    element(0x88, Number(isDefault)),
    element(0x9c, 0),
    element(0x22b59c, text(language)),
    ...(title === undefined ? [] : [element(0x536e, text(title))]),
    element(0x86, text('A_PCM/INT/LIT')),
    element(0xe1, element(0xb5, float(SAMPLE_RATE)), element(0x9f, channels), element(0x6264, 16)),
  )
}

/** A second of all tracks, one block each. */
function clusterAt(tracks: MatroskaTrack[], second: number): Uint8Array {
  const blocks = tracks.map(({ pcm, channels = 1 }, index) => {
    const bytes = 2 * channels * SAMPLE_RATE
    const keyframe = 0x80
    return element(
      0xa3,
      0x80 | (index + 1),
      0,
      0,
      keyframe,
      pcm.subarray(second * bytes, (second + 1) * bytes),
    )
  })
  const milliseconds = Buffer.alloc(4)
  milliseconds.writeUInt32BE(1000 * second)
  return element(0x1f43b675, element(0xe7, milliseconds), ...blocks)
}

/** Speech on three tracks of different loudness; the second is the default. */
export function threeTracks(speech: Uint8Array) {
  const tracks: [MatroskaTrack, MatroskaTrack, MatroskaTrack] = [
    { pcm: atVolume(speech, 0.5), language: 'ger', title: 'Kommentar' },
    { pcm: speech, language: 'eng', isDefault: true },
    { pcm: atVolume(speech, 0.75) },
  ]
  const common = { codec: 'pcm_s16le', channels: 1 }
  return {
    file: matroskaOf(tracks),
    pcmOf: tracks.map(({ pcm }) => pcm),
    /** As the status lists them. */
    listed: [
      { ...common, number: 1, language: 'ger', title: 'Kommentar', default: false },
      { ...common, number: 2, language: 'eng', title: null, default: true },
      { ...common, number: 3, language: null, title: null, default: false },
    ],
  }
}
