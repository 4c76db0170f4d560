import { type FileHandle, open, readFile } from 'node:fs/promises'
import { wavOf } from '../../src/media/wav.ts'
import { fixture } from '../../test/media/recordings.ts'

/** MPEG-2 layer III without a checksum, as the fixture is. */
const MP3_SYNC = Buffer.from([0xff, 0xf3])
const MP3_SECONDS = 7.1

const WAV = { rate: 44_100, channels: 2, sourceRate: 16_000, headBytes: 44 }

/** The fixture's frames again and again. The first one is left out: it tells the length of the fixture. */
export async function writeMp3(path: string, seconds: number): Promise<void> {
  const mp3 = await readFile(fixture('speech.mp3'))
  const first = mp3.indexOf(MP3_SYNC)
  const frames = mp3.subarray(mp3.indexOf(MP3_SYNC, first + MP3_SYNC.length))
  await writing(path, async (file) => {
    for (let at = 0; at < seconds; at += MP3_SECONDS) await file.write(frames)
  })
}

/** The fixture again and again at 44.1 kHz in stereo, 16 bit, to at least `bytes` (under 4 GiB). */
export async function writeWav(path: string, bytes: number): Promise<void> {
  const source = new DataView(new Uint8Array(await readFile(fixture('speech.wav'))).buffer, WAV.headBytes)
  const step = WAV.sourceRate / WAV.rate
  const samples = new Int16Array(WAV.channels * Math.floor(source.byteLength / 2 / step))
  for (let at = 0; at < samples.length; at++) {
    samples[at] = source.getInt16(2 * Math.floor(Math.floor(at / WAV.channels) * step), true)
  }
  const times = Math.ceil(bytes / samples.byteLength)
  await writing(path, async (file) => {
    await file.write(wavHead(times * samples.byteLength))
    for (let time = 0; time < times; time++) await file.write(samples)
  })
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

async function writing(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'w')
  try {
    await write(file)
  } finally {
    await file.close()
  }
}
