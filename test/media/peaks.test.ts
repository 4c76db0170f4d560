import { expect, test } from 'bun:test'
import { peaksOf } from '../../src/media/ffmpeg/peaks.ts'

test('peaks are the minimum and maximum sample of each 50 ms and of the shorter rest', () => {
  const samples = new Int16Array(1_700)
  samples[0] = -32_768
  samples[799] = 32_767
  samples.fill(256, 800, 1_600)
  samples[1_000] = 511
  samples.fill(-300, 1_600)
  expect(new Int8Array(peaksOf(samples).buffer)).toEqual(Int8Array.of(-128, 127, 1, 1, -2, -2))
  expect(peaksOf(new Int16Array())).toHaveLength(0)
})
