import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { wavOf } from '../../src/media/wav.ts'

test('makes the very bytes that ffmpeg wrote around the same pcm', async () => {
  const wav = new Uint8Array(await readFile(new URL('../fixtures/speech.wav', import.meta.url)))
  expect(wavOf(wav.subarray(44))).toEqual(wav)
})

test('makes a header alone of no pcm', () => {
  expect(wavOf(new Uint8Array()).length).toBe(44)
})
