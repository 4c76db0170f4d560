import { describe, expect, test } from 'bun:test'
import { BLOCK_SAMPLES } from '../../src/media/ffmpeg/block.ts'
import { createMixer, type Surround } from '../../src/media/ffmpeg/mixer.ts'
import { surroundOf } from '../../src/media/ffmpeg/surround.ts'

const BLOCKS = 100

type Voice = (at: number) => number

const voice =
  (hertz: number, level = 0.5): Voice =>
  (at) =>
    level * Math.sin((2 * Math.PI * hertz * at) / 16_000)
const silence: Voice = () => 0

/** Mixes two seconds of voices, and measures how much of each voice the last second contains. */
function mixed(voices: Voice[], surround: Surround | null = null) {
  const channels = voices.length
  const mixer = createMixer({ channels, surround })
  const samples: number[] = []
  for (let block = 0; block < BLOCKS; block++) {
    const input = new Float32Array(BLOCK_SAMPLES * channels)
    for (let at = 0; at < BLOCK_SAMPLES; at++) {
      for (const [channel, sample] of voices.entries()) {
        input[at * channels + channel] = sample(block * BLOCK_SAMPLES + at)
      }
    }
    samples.push(...mixer.mix(input))
  }
  const last = samples.slice(samples.length / 2)
  const shareOf = (each: Voice) => {
    let product = 0
    let squares = 0
    for (const [index, sample] of last.entries()) {
      const own = each(samples.length / 2 + index)
      product += sample * own
      squares += own * own
    }
    return squares === 0 ? 0 : product / squares
  }
  return { shares: voices.map(shareOf), peak: Math.max(...last.map(Math.abs)), inverted: mixer.inverted() }
}

describe('a mix', () => {
  test('of equal channels has their level', () => {
    const { shares } = mixed([voice(300), voice(300)])
    expect(shares[0]).toBeCloseTo(1, 2)
  })

  test('keeps the level of the only speaker among 64 channels', () => {
    const { shares } = mixed([...Array.from({ length: 63 }, () => silence), voice(300)])
    expect(shares[63]).toBeCloseTo(1, 2)
  })

  test('has each of several speakers, also one who is 10 dB softer', () => {
    const { shares, peak } = mixed([voice(300), silence, voice(470, 0.16)])
    expect(shares[0]).toBeGreaterThan(0.4)
    expect(shares[2]).toBeGreaterThan(0.3)
    expect(peak).toBeLessThanOrEqual(0.5)
  })

  test('of a channel and its inverse has the words of both, and reports the inverse', () => {
    const { shares, inverted } = mixed([voice(300), (at) => -voice(300)(at)])
    expect(shares[0]).toBeCloseTo(1, 2)
    expect(inverted).toEqual([1])
  })

  test('of different voices turns none', () => {
    expect(mixed([voice(300), voice(470), voice(610)]).inverted).toEqual([])
  })

  test('of a declared surround layout prefers the center and drops what is only bass', () => {
    const bass = voice(60)
    const film = [voice(300), voice(470), voice(610, 0.25), bass, voice(730), voice(890)]
    const { shares } = mixed(film, surroundOf('5.1'))
    expect(shares[2]).toBeGreaterThan(2 * (shares[0] ?? 1))
    expect(shares[3]).toBeCloseTo(0, 2)
    expect(mixed(film).shares[3]).toBeGreaterThan(0.1)
  })

  test('of a declared surround layout keeps speech on the channel for bass', () => {
    const { shares } = mixed(
      [silence, silence, silence, voice(300), silence, silence],
      surroundOf('5.1(side)'),
    )
    expect(shares[3]).toBeCloseTo(1, 2)
  })
})

test.each<[string | null, Surround | null]>([
  [null, null],
  ['stereo', null],
  ['quad', null],
  ['unknown', null],
  ['2.1', { center: null, lowFrequency: 2 }],
  ['3.0', { center: 2, lowFrequency: null }],
  ['3.0(back)', null],
  ['5.0(side)', { center: 2, lowFrequency: null }],
  ['5.1', { center: 2, lowFrequency: 3 }],
  ['6.1(front)', { center: null, lowFrequency: 2 }],
  ['7.1(wide)', { center: 2, lowFrequency: 3 }],
])('the layout %s has the special channels %p', (layout, special) => {
  expect(surroundOf(layout)).toEqual(special)
})
