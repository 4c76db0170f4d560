import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { containerOf } from '../../src/media/signature.ts'
import { fixture } from '../support/recordings.ts'

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
