import { describe, expect, test } from 'bun:test'
import { type ClockChange, createTimeline } from '../../src/media/ffmpeg/timeline.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'

/**
 * Decodes 10 s of which each second has its number as its samples, in blocks of 20 ms. Returns the number at
 * each half second of the result, and the timeline.
 */
function place(changes: ClockChange[], { start = 0, seconds = 10 } = {}) {
  const placed: number[] = []
  const timeline = createTimeline({ start, write: (samples) => placed.push(...samples) })
  for (const change of changes) timeline.change(change)
  for (let block = 0; block < 50 * seconds; block++) {
    timeline.push(new Int16Array(SAMPLE_RATE / 50).fill(1 + Math.floor(block / 50)))
  }
  timeline.finish()
  const halves = Array.from({ length: Math.floor(placed.length / SAMPLE_RATE) }, (_, second) => {
    return placed[(second + 0.5) * SAMPLE_RATE] ?? 0
  })
  return { halves, seconds: placed.length / SAMPLE_RATE, timeline }
}

describe('the times of decoded samples', () => {
  test('are those of the samples if the timestamps agree with them', () => {
    expect(place([]).halves).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('begin with silence if the track starts later than the player', () => {
    const { halves, seconds } = place([{ atSeconds: 0, shift: 103 }], { start: 100, seconds: 2 })
    expect(halves).toEqual([0, 0, 0, 1, 2])
    expect(seconds).toBe(5)
  })

  test('have the gaps of the timestamps', () => {
    const changes = [
      { atSeconds: 1, shift: 2 },
      { atSeconds: 3, shift: 3 },
    ]
    expect(place(changes, { seconds: 4 }).halves).toEqual([1, 0, 0, 2, 3, 0, 4])
  })

  test('continue when the timestamps start again, and have the gaps after that', () => {
    const changes = [
      { atSeconds: 2, shift: -2 },
      { atSeconds: 3, shift: 0 },
    ]
    expect(place(changes, { seconds: 4 }).halves).toEqual([1, 2, 3, 0, 0, 4])
  })

  test('are not moved by jitter', () => {
    const changes = [
      { atSeconds: 1, shift: -0.4 },
      { atSeconds: 2, shift: 0.05 },
    ]
    expect(place(changes, { seconds: 3 }).seconds).toBe(3)
  })

  test('leave out a gap of hours, and report it', () => {
    const { halves, timeline } = place([{ atSeconds: 2, shift: 36_000 }], { seconds: 3 })
    expect(halves).toEqual([1, 2, 3])
    expect(timeline.omitted()).toEqual([36_000])
  })

  test('leave out nothing if the timestamps return from a jump', () => {
    const changes = [
      { atSeconds: 1, shift: 36_000 },
      { atSeconds: 2, shift: 0 },
    ]
    const { halves, timeline } = place(changes, { seconds: 3 })
    expect(halves).toEqual([1, 2, 3])
    expect(timeline.omitted()).toEqual([])
  })

  test('ignore a change behind the last sample', () => {
    expect(place([{ atSeconds: 2, shift: 5 }], { seconds: 2 }).seconds).toBe(2)
  })

  test('can be extended to the end of the video, but not by hours', () => {
    const extended = (to: number) => {
      let samples = 0
      const timeline = createTimeline({
        start: 0,
        write: ({ length }) => {
          samples += length
        },
      })
      timeline.push(new Int16Array(SAMPLE_RATE))
      timeline.finish()
      timeline.extendTo(to)
      return samples / SAMPLE_RATE
    }
    expect([extended(3), extended(0.5), extended(40_000)]).toEqual([3, 1, 1])
  })
})
