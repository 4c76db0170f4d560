import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { longRecording } from '../../test/e2e/recording.ts'
import { fixture } from '../../test/support/recordings.ts'
import { randomFrom } from '../../test/support/seeded.ts'
import { writeMp3 } from '../shared/recordings.ts'

/** The service refuses a `bad` recording, or fails to transcribe it. */
export type Recording = {
  name: string
  kind: 'clip' | 'long' | 'bad'
  audio: Blob
  /** The fields of its upload. */
  fields: Record<string, string>
}

export const MAX_UPLOAD_BYTES = 16 * 2 ** 20

/** Each fixture is uploaded with other fields. */
const CLIPS: Record<string, Record<string, string>> = {
  'speech.wav': { language: 'en' },
  'speech.mp3': { language: 'auto', words: 'true' },
  'speech.flac': { language: 'en', start: '1', end: '5' },
  'speech.m4a': { language: 'en', words: 'true' },
  'speech.ogg': { language: 'auto' },
  'speech.webm': { language: 'en', task: 'translate' },
  'speech.mp4': { language: 'en' },
}

const blobAt = async (path: string) => new Blob([await readFile(path)])

/** The fixtures, a wav of two minutes, mp3s of the given minutes, and bad recordings. */
export async function makeRecordings(folder: string, minutes: number[]): Promise<Recording[]> {
  const clips = Object.entries(CLIPS).map(
    async ([name, fields]): Promise<Recording> => ({
      name,
      kind: 'clip',
      audio: await blobAt(fixture(name)),
      fields,
    }),
  )
  const mp3s = minutes.map(async (count): Promise<Recording> => {
    const path = join(folder, `${count}.mp3`)
    await writeMp3(path, count * 60)
    return {
      name: `${count} minutes.mp3`,
      kind: 'long',
      audio: await blobAt(path),
      fields: { language: 'en' },
    }
  })
  const wav = await longRecording(15)
  return [
    ...(await Promise.all([...clips, ...mp3s])),
    { name: '2 minutes.wav', kind: 'long', audio: wav, fields: { language: 'en' } },
    ...(await badRecordings()),
  ]
}

async function badRecordings(): Promise<Recording[]> {
  const random = randomFrom(1)
  const noise = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256))
  const [flac, m4a] = [await blobAt(fixture('speech.flac')), await blobAt(fixture('speech.m4a'))]
  const files: Record<string, BlobPart[]> = {
    'noise.mp3': [noise(60_000)],
    'text.txt': ['This file is not a recording. '.repeat(500)],
    'empty.wav': [],
    'cut.m4a': [m4a.slice(0, m4a.size / 2)],
    'scrambled.flac': [flac.slice(0, 200), noise(flac.size)],
    'silent.mp4': [await blobAt(fixture('silent.mp4'))],
    'too large.wav': [new Uint8Array(MAX_UPLOAD_BYTES + 2 ** 20)],
  }
  return Object.entries(files).map(([name, parts]) => ({
    name,
    kind: 'bad',
    audio: new Blob(parts),
    fields: {},
  }))
}
