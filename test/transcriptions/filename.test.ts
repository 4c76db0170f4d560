import { expect, test } from 'bun:test'
import { plainFilename } from '../../src/transcriptions/intake/filename.ts'

test.each([
  ['He said "hi"\r\n.mp3', 'He said "hi".mp3'],
  ['C:\\talks\\a.wav', 'a.wav'],
  ['../../etc/a.wav', 'a.wav'],
  ['Übung.mp3'.normalize('NFD'), 'Übung.mp3'.normalize('NFC')],
  [' a\0b\u0085.mp3 ', 'ab.mp3'],
  ['\ud83d.mp3', '\ufffd.mp3'],
  ['talks/', null],
  ['', null],
])('the file name %j is kept as %j', (name, kept) => {
  expect(plainFilename(name)).toBe(kept)
})

test('a name of more than 255 characters is cut between characters and keeps its extension', () => {
  expect(plainFilename(`${'a'.repeat(300)}.flac`)).toBe(`${'a'.repeat(250)}.flac`)
  expect(plainFilename('a'.repeat(300))).toBe('a'.repeat(255))
  expect(plainFilename(`${'🎤'.repeat(200)}.mp3`)).toBe(`${'🎤'.repeat(125)}.mp3`)
  expect(plainFilename(`${'a'.repeat(10)}.${'b'.repeat(300)}`)).toBe(`${'a'.repeat(10)}.${'b'.repeat(244)}`)
})
