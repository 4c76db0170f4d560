import { expect, test } from 'bun:test'
import { levelsOf } from '../../src/media/ffmpeg/level-meter.ts'

const square = (amplitude: number, length: number) =>
  new Int16Array(length).map((_, index) => (index % 2 ? amplitude : -amplitude))

test('a level is linear in decibels from −90 dBFS to 0 dBFS', () => {
  expect(levelsOf(square(32_767, 800))).toEqual(new Uint8Array([255]))
  expect(levelsOf(square(3_277, 800))).toEqual(new Uint8Array([198])) // −20 dBFS
  expect(levelsOf(square(33, 800))).toEqual(new Uint8Array([85])) // −60 dBFS
  expect(levelsOf(square(0, 800))).toEqual(new Uint8Array([0]))
})

test('a last interval shorter than 50 ms has its own level', () => {
  const samples = new Int16Array(801)
  samples[800] = 32_767
  expect(levelsOf(samples)).toEqual(new Uint8Array([0, 255]))
})
