import { afterAll, describe, expect, test } from 'bun:test'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { createRecentSounds } from '../../src/media/ffmpeg/recent-sounds.ts'
import { fixture, temporaryFolder, writeSilence } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

const plain = ffmpegMedia()
const media = ffmpegMedia({ decodesWithProbe: true })
afterAll(async () => {
  await plain.close()
  await media.close()
})

const WAV_HEADER_BYTES = 44
const decoded = (path: string, maxSeconds = 60) => decodeWhole(media, { path, maxSeconds })

describe('a short file, which is decoded with its probe', () => {
  test.each(['speech.wav', 'speech.mp3', 'speech.webm', 'speech.mp4'])(
    '%s has the same sound',
    async (name) => {
      const path = fixture(name)
      expect(await media.probe(path)).toEqual(await plain.probe(path))
      expect(await decoded(path)).toEqual(await decodeWhole(plain, { path, maxSeconds: 60 }))
    },
  )

  /** A speech file that is probed and then overwritten, without a trace in its size and time. */
  async function overwritten(folder: string): Promise<string> {
    const path = join(folder, 'upload')
    const bytes = await readFile(fixture('speech.wav'))
    const at = new Date(0)
    await writeFile(path, bytes)
    await utimes(path, at, at)
    await media.probe(path)
    await writeFile(path, bytes.fill(0, WAV_HEADER_BYTES))
    await utimes(path, at, at)
    return path
  }

  test('is not read again for the first decode, but for the second', async () => {
    await using folder = await temporaryFolder()
    const path = await overwritten(folder.path)
    const [first, second] = [await decoded(path), await decoded(path)]
    expect(first.pcm.some((byte) => byte !== 0)).toBeTrue()
    expect(second.pcm.some((byte) => byte !== 0)).toBeFalse()
  })

  test('is read again if it has changed', async () => {
    await using folder = await temporaryFolder()
    const path = await overwritten(folder.path)
    await utimes(path, new Date(1), new Date(1))
    expect((await decoded(path)).pcm.some((byte) => byte !== 0)).toBeFalse()
  })

  test('is read again for one of its channels', async () => {
    await using folder = await temporaryFolder()
    const path = await overwritten(folder.path)
    const channel = await decodeWhole(media, { path, maxSeconds: 60, channel: 0 })
    expect(channel.pcm.some((byte) => byte !== 0)).toBeFalse()
  })

  test('is refused if it is too long', async () => {
    const path = fixture('speech.wav')
    await media.probe(path)
    expect(decoded(path, 1)).rejects.toMatchObject({ code: 'too_long' })
  })

  test('is probed though its sound is broken, which the decode reports', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'upload')
    const bytes = await readFile(fixture('speech.flac'))
    await writeFile(path, bytes.fill(0, 8_192))
    const sound = (each: typeof media) =>
      decodeWhole(each, { path, maxSeconds: 60 }).catch(({ code }: { code: string }) => code)
    expect(await media.probe(path)).toEqual(await plain.probe(path))
    expect(await sound(media)).toEqual(await sound(plain))
  })
})

test('a longer file is not decoded with its probe', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  const at = new Date(0)
  await writeSilence(path, 61)
  await utimes(path, at, at)
  await media.probe(path)
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(1, WAV_HEADER_BYTES))
  await utimes(path, at, at)
  expect((await decoded(path, 100)).pcm.some((byte) => byte !== 0)).toBeTrue()
})

test('sounds are kept until they are taken, for a time, and up to a size', async () => {
  const sounds = createRecentSounds({ maxBytes: 4, keptMs: 20 })
  const none = new Uint8Array()
  const sound = { piece: { pcm: new Uint8Array(4), levels: none, peaks: none, isLast: true }, warnings: [] }
  expect(sounds.isRoom()).toBeTrue()
  sounds.keep('a', sound)
  expect(sounds.isRoom()).toBeFalse()
  expect(sounds.take('a')).toBe(sound)
  expect(sounds.take('a')).toBeNull()
  sounds.keep('b', sound)
  while (!sounds.isRoom()) await Bun.sleep(5)
  expect(sounds.take('b')).toBeNull()
})
