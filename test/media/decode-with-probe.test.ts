import { afterAll, describe, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import type { Sound } from '../../src/media/media.ts'
import { fixture, temporaryFolder, writeSilence } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

const media = ffmpegMedia()
afterAll(() => media.close())

/** Probes a file, and returns the sounds that came with it. */
async function soundsOf(path: string): Promise<Sound[]> {
  const sounds: Sound[] = []
  const info = await media.probe(path, { onSound: (sound) => void sounds.push(sound) })
  expect(info).toEqual(await media.probe(path))
  return sounds
}

describe('a file that is decoded with its probe', () => {
  test.each(['speech.wav', 'speech.mp3', 'speech.webm', 'speech.mp4'])(
    '%s has the sound of a decode',
    async (name) => {
      const path = fixture(name)
      const [sound] = await soundsOf(path)
      const { pcm, levels, peaks, warnings } = await decodeWhole(media, { path, maxSeconds: 60 })
      expect(sound).toEqual({ piece: { pcm, levels, peaks, isLast: true }, warnings })
    },
  )

  test('has none if it is broken, which a decode reports', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'upload')
    const bytes = await readFile(fixture('speech.flac'))
    await writeFile(path, bytes.fill(0, 8_192))
    expect(await soundsOf(path)).toEqual([])
  })

  test('has none if it is longer than a clip', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'upload')
    await writeSilence(path, 31)
    expect(await soundsOf(path)).toEqual([])
  })
})
