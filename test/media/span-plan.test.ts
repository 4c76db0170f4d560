import { describe, expect, test } from 'bun:test'
import { SAMPLE_RATE, SAMPLES_PER_LEVEL } from '../../src/media/media.ts'
import { planSpans, type Span } from '../../src/media/span-plan.ts'
import { randomFrom } from '../support/seeded.ts'

const LOUD = 200
const seconds = (value: number) => Math.round(value * SAMPLE_RATE)

/** Levels of `length` seconds of noise with pauses `[from, to, level]` in seconds. */
function levelsWith(length: number, pauses: [number, number, number][]): Uint8Array {
  const levels = new Uint8Array(length * 20).fill(LOUD)
  for (const [from, to, level] of pauses) levels.fill(level, Math.round(from * 20), Math.round(to * 20))
  return levels
}

function cutsOf(
  length: number,
  pauses: [number, number, number][],
  targetSeconds: number,
  maxSeconds: number,
) {
  const levels = levelsWith(length, pauses)
  const spans = planSpans({ levels, startSample: 0, endSample: seconds(length), targetSeconds, maxSeconds })
  return spans.slice(1).map((span) => span.startSample / SAMPLE_RATE)
}

describe('planSpans', () => {
  test('returns one span for a short range', () => {
    expect(cutsOf(130, [[60, 61, 0]], 120, 300)).toEqual([])
    expect(
      planSpans({
        levels: new Uint8Array(),
        startSample: 7,
        endSample: 8,
        targetSeconds: 120,
        maxSeconds: 300,
      }),
    ).toEqual([{ startSample: 7, endSample: 8 }])
  })

  test('returns no span for an empty range', () => {
    expect(
      planSpans({ levels: new Uint8Array(), startSample: 9, endSample: 9, targetSeconds: 1, maxSeconds: 1 }),
    ).toEqual([])
  })

  test('cuts in the middle of a pause near the target', () => {
    expect(cutsOf(240, [[110, 110.4, 10]], 120, 300)).toEqual([110.2])
  })

  test('prefers the quieter pause, and the longer of two equally quiet ones', () => {
    expect(
      cutsOf(
        240,
        [
          [118, 118.4, 60],
          [140, 140.4, 20],
        ],
        120,
        300,
      ),
    ).toEqual([140.2])
    expect(
      cutsOf(
        240,
        [
          [118, 118.4, 20],
          [140, 141, 20],
        ],
        120,
        300,
      ),
    ).toEqual([140.5])
  })

  test('prefers the pause closest to the target among equal ones', () => {
    expect(
      cutsOf(
        240,
        [
          [100, 101, 0],
          [117, 118, 0],
          [135, 136, 0],
        ],
        120,
        300,
      ),
    ).toEqual([117.5])
  })

  test('ignores a quiet interval of 0.1 s', () => {
    expect(
      cutsOf(
        240,
        [
          [120, 120.1, 0],
          [130, 130.4, 60],
        ],
        120,
        300,
      ),
    ).toEqual([130.2])
  })

  test('cuts at the target if the level is constant', () => {
    expect(cutsOf(300, [], 120, 300)).toEqual([120, 210])
    expect(cutsOf(300, [[0, 300, 0]], 120, 300)).toEqual([120, 210])
  })

  test('splits the rest equally between the last two spans', () => {
    expect(cutsOf(31, [], 30, 30)).toEqual([15.5])
    expect(cutsOf(242, [], 120, 120)).toEqual([120, 181])
  })

  test('reads levels from the start of the pcm when the range starts later', () => {
    const levels = levelsWith(300, [[190, 191, 0]])
    const range = { startSample: seconds(100.01), endSample: seconds(290) }
    const spans = planSpans({ levels, ...range, targetSeconds: 100, maxSeconds: 120 })
    expect(spans).toEqual([
      { startSample: seconds(100.01), endSample: seconds(190.5) },
      { startSample: seconds(190.5), endSample: seconds(290) },
    ])
  })

  test('covers any range exactly, with no span too long or very short', () => {
    const random = randomFrom(20_261)
    for (let round = 0; round < 400; round++) {
      const maxSeconds = 2 + random() * 300
      const targetSeconds = maxSeconds * (0.2 + random() * 0.8)
      const startSample = Math.floor(random() * 100_000)
      const endSample = startSample + 1 + Math.floor(random() * random() * seconds(3600))
      // Too short by up to a fifth now and then, as a defect elsewhere might leave them.
      const levels = new Uint8Array(Math.ceil((endSample / 800) * Math.min(1, 0.8 + random())))
      for (const index of levels.keys()) levels[index] = random() < 0.3 ? random() * 60 : 150 + random() * 100
      const spans = planSpans({ levels, startSample, endSample, targetSeconds, maxSeconds })
      expect(isExactCover(spans, startSample, endSample)).toBe(true)
      const lengths = spans.map((span) => (span.endSample - span.startSample) / SAMPLE_RATE)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(maxSeconds)
      if (lengths.length > 1) expect(Math.min(...lengths)).toBeGreaterThan(targetSeconds * 0.24)
      const fewest = Math.ceil((endSample - startSample) / SAMPLE_RATE / maxSeconds)
      expect(lengths.length).toBeGreaterThanOrEqual(fewest)
    }
  })

  test('returns the same spans if the audio arrives piece by piece', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed)
      const levels = Uint8Array.from({ length: 200 + Math.floor(random() * 12_000) }, () => random() * 256)
      const whole = {
        startSample: Math.floor(random() * 20_000),
        endSample: levels.length * SAMPLES_PER_LEVEL - Math.floor(random() * SAMPLES_PER_LEVEL),
        targetSeconds: 0.2 + random() * 60,
      }
      const maxSeconds = whole.targetSeconds * (1 + random())
      const found: Span[] = []
      for (let known = 0; known < levels.length; ) {
        known = Math.min(levels.length, known + Math.ceil(random() * 3_000))
        const isWhole = known === levels.length
        found.push(
          ...planSpans({
            ...whole,
            levels: levels.subarray(0, known),
            startSample: found.at(-1)?.endSample ?? whole.startSample,
            endSample: Math.min(known * SAMPLES_PER_LEVEL, whole.endSample),
            maxSeconds,
            isWhole,
          }),
        )
      }
      expect(found).toEqual(planSpans({ ...whole, levels, maxSeconds }))
    }
  })
})

function isExactCover(spans: Span[], startSample: number, endSample: number): boolean {
  let at = startSample
  for (const span of spans) {
    if (span.startSample !== at || !Number.isInteger(span.endSample) || span.endSample <= at) return false
    at = span.endSample
  }
  return at === endSample
}
