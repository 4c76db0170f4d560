import { open, readFile } from 'node:fs/promises'
import { wavOf } from '../../src/media/wav.ts'
import { fixture, SPEECH_SECONDS } from '../../test/support/recordings.ts'

/** The start of a frame of MPEG-2 layer III without a checksum, as in the fixture. */
const MP3_SYNC = Buffer.from([0xff, 0xf3])
const WAV = { rate: 44_100, channels: 2, sourceRate: 16_000, headBytes: 44 }

/** Repeats the frames of the fixture, without its first frame, which states the fixture's length. */
export async function writeMp3(path: string, seconds: number): Promise<void> {
  const mp3 = await readFile(fixture('speech.mp3'))
  const first = mp3.indexOf(MP3_SYNC)
  const frames = mp3.subarray(mp3.indexOf(MP3_SYNC, first + MP3_SYNC.length))
  await writeRepeated(path, {
    head: new Uint8Array(),
    block: frames,
    times: Math.ceil(seconds / SPEECH_SECONDS),
  })
}

/** Repeats the fixture at 44.1 kHz, stereo, 16 bit, up to at least `bytes` (below 4 GiB). */
export async function writeWav(path: string, bytes: number): Promise<void> {
  const source = new DataView(new Uint8Array(await readFile(fixture('speech.wav'))).buffer, WAV.headBytes)
  const step = WAV.sourceRate / WAV.rate
  const samples = new Int16Array(WAV.channels * Math.floor(source.byteLength / 2 / step))
  for (let at = 0; at < samples.length; at++) {
    samples[at] = source.getInt16(2 * Math.floor(Math.floor(at / WAV.channels) * step), true)
  }
  const times = Math.ceil(bytes / samples.byteLength)
  const block = new Uint8Array(samples.buffer)
  await writeRepeated(path, { head: wavHead(times * block.length), block, times })
}

function wavHead(dataBytes: number): Uint8Array {
  const head = wavOf(new Uint8Array())
  const view = new DataView(head.buffer)
  view.setUint32(4, head.length - 8 + dataBytes, true)
  view.setUint16(22, WAV.channels, true)
  view.setUint32(24, WAV.rate, true)
  view.setUint32(28, WAV.rate * WAV.channels * 2, true)
  view.setUint16(32, WAV.channels * 2, true)
  view.setUint32(40, dataBytes, true)
  return head
}

async function writeRepeated(
  path: string,
  { head, block, times }: { head: Uint8Array; block: Uint8Array; times: number },
): Promise<void> {
  await using file = await open(path, 'w')
  await file.write(head)
  for (let time = 0; time < times; time++) await file.write(block)
}
