import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { wavOf } from '../../src/media/wav.ts'
import { longRecording } from '../../test/e2e/recording.ts'
import { fixture } from '../../test/media/recordings.ts'
import { randomFrom } from '../../test/seeded.ts'
import { writeMp3 } from '../shared/recordings.ts'

/** `bad`: some of these are refused, some fail once they are decoded, and one is only shorter than it says. */
export type Recording = {
  name: string
  kind: 'clip' | 'long' | 'bad'
  /** What file names end with. */
  extension: string
  audio: Blob
  /** Fields of the upload. */
  fields: Record<string, string>
}

/** Uploads of more are refused; the longest recording has less. */
export const MAX_UPLOAD_BYTES = 16 * 2 ** 20

const CLIP_SECONDS = 8.1

/** How the fixtures are asked for: each file in another way. */
const ASKED: Record<string, Record<string, string>> = {
  'speech.wav': { language: 'en' },
  'speech.mp3': { language: 'auto', words: 'true' },
  'speech.flac': { language: 'en', start: '1', end: '5' },
  'speech.m4a': { language: 'en', words: 'true' },
  'speech.ogg': { language: 'auto' },
  'speech.webm': { language: 'en', task: 'translate' },
  'speech.mp4': { language: 'en' },
}

/** Of `folder`: a `manifest.json` as the other benches take it. */
export async function clips(folder: string | undefined): Promise<Recording[]> {
  const own = Object.entries(ASKED).map(([file, fields]) => recordingAt(fixture(file), fields))
  if (!folder) return Promise.all(own)
  const listed: { file: string; channels?: string[] }[] = await Bun.file(join(folder, 'manifest.json')).json()
  const others = listed.map(({ file, channels }) =>
    recordingAt(join(folder, file), { language: 'auto', ...(channels && { channels: 'split' }) }),
  )
  return Promise.all([...own, ...others])
}

async function recordingAt(path: string, fields: Record<string, string>): Promise<Recording> {
  const name = path.split('/').at(-1) ?? path
  return { name, kind: 'clip', extension: extname(path), audio: new Blob([await readFile(path)]), fields }
}

/** The fixture again and again: a wav of two minutes, which most are, and mp3s of these minutes. */
export async function longs(folder: string, minutes: number[]): Promise<Recording[]> {
  const wav = await longRecording(Math.round(120 / CLIP_SECONDS))
  const fields = { language: 'en' }
  const mp3s = minutes.map(async (long): Promise<Recording> => {
    const path = join(folder, `${long}.mp3`)
    await writeMp3(path, long * 60)
    const audio = new Blob([await readFile(path)])
    return { name: `${long} minutes.mp3`, kind: 'long', extension: '.mp3', audio, fields }
  })
  const two: Recording = { name: '2 minutes.wav', kind: 'long', extension: '.wav', audio: wav, fields }
  return [two, ...(await Promise.all(mp3s))]
}

export async function badFiles(seed: number): Promise<Recording[]> {
  const random = randomFrom(seed)
  const noise = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256))
  const [flac, m4a, mp3] = await Promise.all(
    ['speech.flac', 'speech.m4a', 'speech.mp3'].map((file) => readFile(fixture(file))),
  )
  if (!flac || !m4a || !mp3) throw new Error('a fixture is missing')
  const bad = (name: string, parts: BlobPart[], fields: Record<string, string> = {}): Recording => {
    return { name, kind: 'bad', extension: extname(name), audio: new Blob(parts), fields }
  }
  return [
    bad('noise.mp3', [noise(60_000)]),
    bad('text.txt', ['This is no recording at all. '.repeat(500)]),
    bad('empty.wav', []),
    bad('page.html', ['<!doctype html><title>No recording</title>', 'x'.repeat(4000)]),
    bad('headless.m4a', [m4a.subarray(m4a.length / 2)]),
    bad('cut.m4a', [m4a.subarray(0, m4a.length / 2)]),
    bad('cut.mp3', [mp3.subarray(0, mp3.length / 2)]),
    bad('scrambled.flac', [flac.subarray(0, 200), noise(flac.length)]),
    bad('silent.mp4', [await readFile(fixture('silent.mp4'))]),
    bad('no samples.wav', [wavOf(new Uint8Array())]),
    bad('too big.wav', [wavOf(new Uint8Array(MAX_UPLOAD_BYTES + 2 ** 20))]),
    bad('speech in no language.flac', [flac], { language: 'klingon' }),
  ]
}
