import { expect, test } from 'bun:test'
import { createLimiter } from '../../src/media/ffmpeg/limiter.ts'

const BLOCK = 320
const tone = (level: number) => (at: number) => level * Math.sin((2 * Math.PI * 500 * at) / 16_000)

function limited(sample: (at: number) => number, blocks = 100): number[] {
  const limiter = createLimiter()
  const output = new Int16Array(BLOCK)
  const samples: number[] = []
  for (let block = 0; block < blocks; block++) {
    const input = Float32Array.from({ length: BLOCK }, (_, at) => sample(block * BLOCK + at))
    samples.push(...output.subarray(0, limiter.push(input, output)))
  }
  return [...samples, ...output.subarray(0, limiter.finish(output))]
}

test('samples up to full scale are not changed', () => {
  const samples = limited((at) => (at % 2 === 0 ? -1 : 32_767 / 32_768))
  expect(samples).toHaveLength(100 * BLOCK)
  expect(new Set(samples)).toEqual(new Set([-32_768, 32_767]))
})

test('a tone of four times full scale is made quieter, not cut off', () => {
  const samples = limited(tone(4))
  const last = samples.slice(-8 * BLOCK)
  // A sine whose tops are cut off has another relation between its values at 45° and at 90°.
  expect(Math.max(...last)).toBeGreaterThan(32_000)
  expect((last[4] ?? 0) / (last[8] ?? 1)).toBeCloseTo(Math.SQRT1_2, 2)
})

test('a loud moment lowers the level before it begins, and the level returns', () => {
  const samples = limited((at) => tone(at >= 16_000 && at < 16_320 ? 2 : 0.5)(at), 1_000)
  const loud = samples.slice(16_000, 16_320)
  expect((loud[4] ?? 0) / (loud[8] ?? 1)).toBeCloseTo(Math.SQRT1_2, 2)
  expect(Math.max(...samples.slice(-320))).toBeGreaterThan(16_000)
})
