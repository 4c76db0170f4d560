import { quoted, VerbatimError } from '../../errors.ts'
import { parametersOf } from './parameters.ts'

/** audio/L16: RFC 2586. audio/L8, audio/L24: RFC 3551 and RFC 3190. Network byte order, as AU has it. */
const TYPE = /^\s*audio\/l(8|16|24)\s*(?:;|$)/i
/** The encodings of an AU file, by bits per sample. */
const AU_ENCODINGS: Record<string, number> = { 8: 2, 16: 3, 24: 4 }
const AU_HEADER_BYTES = 32
const UNKNOWN_SIZE = 0xffffffff

const RATES = { min: 1000, max: 384_000 }
const CHANNELS = { min: 1, max: 64 }

/** Samples without a header, as they are stored: in an AU file, which describes itself. */
export type LinearPcm = {
  header: Uint8Array
  /** Converts samples as they arrive to samples of the AU file. */
  convert(samples: Uint8Array): Uint8Array
}

/** The format that a media type such as `audio/L16;rate=16000;channels=2` states. Null for other types. */
export function linearPcmOf(contentType: string): LinearPcm | null {
  const bits = TYPE.exec(contentType)?.[1]
  if (!bits) return null
  const parameters = parametersOf(contentType)
  const rate = integerOf({ contentType, parameters, name: 'rate', ...RATES })
  const channels = parameters.has('channels')
    ? integerOf({ contentType, parameters, name: 'channels', ...CHANNELS })
    : 1
  const header = auHeader({ encoding: AU_ENCODINGS[bits] ?? 0, rate, channels })
  // RFC 3551 §4.5.10: L8 is unsigned. AU's 8 bits are signed.
  return { header, convert: bits === '8' ? (samples) => samples.map((sample) => sample ^ 0x80) : same }
}

/** Yields the AU file of samples that arrive. */
export async function* auChunks({
  pcm,
  chunks,
}: {
  pcm: LinearPcm
  chunks: AsyncIterable<Uint8Array>
}): AsyncGenerator<Uint8Array, void> {
  let isStarted = false
  for await (const chunk of chunks) {
    if (!isStarted) yield pcm.header
    isStarted = true
    yield pcm.convert(chunk)
  }
}

const same = (samples: Uint8Array) => samples

function auHeader({ encoding, rate, channels }: { encoding: number; rate: number; channels: number }) {
  const header = new Uint8Array(AU_HEADER_BYTES)
  const view = new DataView(header.buffer)
  header.set(new TextEncoder().encode('.snd'))
  view.setUint32(4, AU_HEADER_BYTES)
  view.setUint32(8, UNKNOWN_SIZE)
  view.setUint32(12, encoding)
  view.setUint32(16, rate)
  view.setUint32(20, channels)
  return header
}

function integerOf({
  contentType,
  parameters,
  name,
  min,
  max,
}: {
  contentType: string
  parameters: Map<string, string>
  name: string
  min: number
  max: number
}): number {
  const text = parameters.get(name)
  const value = Number(text)
  if (text && /^\d+$/.test(text) && value >= min && value <= max) return value
  const problem = text === undefined ? 'is missing' : `is ${quoted(text)}`
  throw new VerbatimError(
    'validation',
    `${name} ${problem} in the Content-Type ${quoted(contentType)}: send a whole number from ${min} to ${max}, such as audio/L16;rate=16000;channels=1`,
    { field: name },
  )
}
