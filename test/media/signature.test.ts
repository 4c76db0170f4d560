import { afterAll, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'
import { containerOf } from '../../src/media/signature.ts'
import { encodeOne } from '../support/encode.ts'
import { fixture, SPEECH_SECONDS, temporaryFolder } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

const media = ffmpegMedia()
afterAll(() => media.close())

test.each([
  ['wav', 'wav'],
  ['mp3', 'mp3'],
  ['flac', 'flac'],
  ['m4a', 'mov'],
  ['mp4', 'mov'],
  ['ogg', 'ogg'],
  ['webm', 'webm'],
])('a %s is known by how it begins', async (format, container) => {
  const start = (await readFile(fixture(`speech.${format}`))).subarray(0, 4096)
  expect(await containerOf(start)).toBe(container)
})

test.each<[string, string[]]>([
  ['mpegts', ['-c:a', 'mp2', '-f', 'mpegts']],
  ['mpeg', ['-ar', '44100', '-c:a', 'mp2', '-f', 'vob']],
  ['flv', ['-ar', '44100', '-c:a', 'libmp3lame', '-f', 'flv']],
  ['au', ['-f', 'au']],
  ['wv', ['-f', 'wv']],
  ['tta', ['-f', 'tta']],
  ['dts', ['-ar', '48000', '-strict', '-2', '-c:a', 'dca', '-f', 'dts']],
  ['loas', ['-c:a', 'aac', '-f', 'latm']],
  ['truehd', ['-ar', '48000', '-ac', '2', '-strict', '-2', '-c:a', 'truehd', '-f', 'truehd']],
  ['wav', ['-rf64', 'always', '-f', 'wav']],
])('a recording in %s is recognized, and decoded', async (container, args) => {
  const recording = await encodeOne([await readFile(fixture('speech.wav'))], args)
  expect(await containerOf(recording.subarray(0, 4096))).toBe(container)
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  await writeFile(path, recording)
  expect((await media.probe(path)).container).toBe(container)
  const { samples } = await decodeWhole(media, { path, maxSeconds: 60 })
  expect(Math.abs(samples / SAMPLE_RATE - SPEECH_SECONDS)).toBeLessThan(0.1)
})

test('GSM of a telephone system is recognized, and other bytes are not', async () => {
  const frames = Uint8Array.from({ length: 330 }, (_, at) => (at % 33 === 0 ? 0xd5 : at % 251))
  expect(await containerOf(frames)).toBe('gsm')
  expect(await containerOf(frames.subarray(1))).toBeNull()
})

test('an mp3 with a picture before its audio is recognized', async () => {
  const tag = Uint8Array.of(0x49, 0x44, 0x33, 4, 0, 0, 0, 0x7f, 0x7f, 0x7f)
  expect(await containerOf(new Uint8Array([...tag, ...new Uint8Array(60_000)]))).toBe('mp3')
})

test.each([
  ['nothing', ''],
  ['text', 'This is no recording, but a text of a few words that goes on and on.'],
  ['a page', '<!doctype html><title>Not found</title>'],
  ['a document', '%PDF-1.7\n%âãÏÓ\n1 0 obj'],
  ['an archive', 'PK\x03\x04\x14\x00\x00\x00\x08\x00'],
  ['a playlist', '#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nhttp://example.com/1.ts'],
])('%s is none', async (_, text) => {
  expect(await containerOf(new TextEncoder().encode(text))).toBeNull()
})
