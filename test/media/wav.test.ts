import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { wavOf } from '../../src/media/wav.ts'

test('wavOf writes the same bytes as ffmpeg', async () => {
  const wav = new Uint8Array(await readFile(new URL('../fixtures/speech.wav', import.meta.url)))
  expect(wavOf(wav.subarray(44))).toEqual(wav)
})

test('wavOf writes only a header for empty pcm', () => {
  expect(wavOf(new Uint8Array()).length).toBe(44)
})
