// Recordings that ffmpeg makes here: what a player plays is what is decoded, or a warning says what is missing.
import { afterAll, describe, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'
import type { WarningCode } from '../../src/warnings.ts'
import { encodeOne } from '../support/encode.ts'
import { fixture, SPEECH_SECONDS, temporaryFolder } from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

const media = ffmpegMedia()
afterAll(() => media.close())

const wav = await readFile(fixture('speech.wav'))
const mp4 = await readFile(fixture('speech.mp4'))

/** Decodes bytes. `first`: the second of the first loud sample; `peak`: of all samples, as a share of full scale. */
async function decoded(
  bytes: Uint8Array,
  options: { track?: number; channel?: number; maxSeconds?: number } = {},
) {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  await writeFile(path, bytes)
  const { pcm, warnings } = await decodeWhole(media, { path, maxSeconds: 60, ...options })
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2)
  const peak = samples.reduce((max, sample) => Math.max(max, Math.abs(sample)), 0) / 32_768
  return {
    samples,
    seconds: samples.length / SAMPLE_RATE,
    first: samples.findIndex((sample) => Math.abs(sample) > 3_000) / SAMPLE_RATE,
    peak,
    codes: warnings.map(({ code }) => code),
  }
}

async function chosenTrack(bytes: Uint8Array): Promise<number> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  await writeFile(path, bytes)
  return await media.chooseTrack(path)
}

/** How alike two recordings are: 1 if one is the other at any level. */
function likeness(a: Int16Array, b: Int16Array): number {
  let [product, squaresA, squaresB] = [0, 0, 0]
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0]
    product += x * y
    squaresA += x * x
    squaresB += y * y
  }
  return product / Math.sqrt(squaresA * squaresB)
}

const speech = await decoded(wav)

describe('the times', () => {
  const delayed = (format: string[]) =>
    encodeOne([mp4], ['-map', '0:v', '-map', '0:a', '-af', 'asetpts=PTS+2/TB', '-c:v', 'copy', ...format])

  test.each<[string, string[]]>([
    ['mkv', ['-c:a', 'libopus', '-f', 'matroska']],
    ['mov', ['-c:a', 'pcm_s16le', '-f', 'mov']],
    ['MPEG-TS', ['-c:a', 'mp2', '-f', 'mpegts']],
  ])('of a track that starts after its video in %s are those of a player', async (_name, format) => {
    const { first, seconds } = await decoded(await delayed(format))
    expect(Math.abs(first - speech.first - 2)).toBeLessThan(0.1)
    expect(Math.abs(seconds - SPEECH_SECONDS - 2)).toBeLessThan(0.5)
  })

  const gapOf = (seconds: number, format: string[]) =>
    encodeOne([wav], ['-af', `asetpts='if(gt(T,1),PTS+${seconds}/TB,PTS)'`, ...format])

  test.each<[string, string[]]>([
    ['mkv', ['-c:a', 'libopus', '-f', 'matroska']],
    ['MPEG-TS', ['-c:a', 'mp2', '-f', 'mpegts']],
    ['flv', ['-ar', '44100', '-c:a', 'libmp3lame', '-f', 'flv']],
    ['ogg', ['-c:a', 'libopus', '-f', 'ogg']],
  ])('include a gap inside a recording in %s', async (_name, format) => {
    const { samples, seconds, codes } = await decoded(await gapOf(15, format))
    expect(Math.abs(seconds - SPEECH_SECONDS - 15)).toBeLessThan(0.2)
    const inGap = samples.subarray(2 * SAMPLE_RATE, 15 * SAMPLE_RATE)
    expect(inGap.every((sample) => Math.abs(sample) < 50)).toBe(true)
    expect(codes).toEqual([])
  })

  test('leave out a gap of ten hours, with a warning', async () => {
    const bytes = await gapOf(36_000, ['-c:a', 'libopus', '-f', 'matroska'])
    const { seconds, codes } = await decoded(bytes)
    expect(Math.abs(seconds - SPEECH_SECONDS)).toBeLessThan(0.2)
    expect(codes).toEqual(['gap_shortened'])
  })

  test.each(['speech.ogg', 'speech.webm', 'speech.mp3', 'speech.flac', 'speech.wav'])(
    'of two joined copies of %s follow each other',
    async (name) => {
      const bytes = await readFile(fixture(name))
      const { samples, seconds } = await decoded(Buffer.concat([bytes, bytes]))
      expect(Math.abs(seconds - 2 * SPEECH_SECONDS)).toBeLessThan(0.3)
      expect(samples.findLastIndex((sample) => Math.abs(sample) > 3_000) / SAMPLE_RATE).toBeGreaterThan(12)
    },
  )

  test('last until the end of a longer video', async () => {
    const bytes = await encodeOne(
      [mp4],
      ['-vf', 'tpad=stop_duration=4', '-c:v', 'mpeg4', '-c:a', 'copy', '-f', 'matroska'],
    )
    const { seconds, codes } = await decoded(bytes)
    expect(seconds).toBeGreaterThan(SPEECH_SECONDS + 3)
    expect(codes).toEqual([])
  })
})

describe('the track', () => {
  /** Speech on the first track, silence on the second. */
  const tracks = (args: string[]) =>
    encodeOne([wav, silentWav()], ['-map', '0:a', '-map', '1:a', '-c:a', 'flac', ...args, '-f', 'matroska'])

  test('is the one that is flagged default', async () => {
    const bytes = await encodeOne(
      [wav, wav],
      [
        '-map',
        '0:a',
        '-map',
        '1:a',
        '-c:a',
        'flac',
        '-disposition:a:0',
        '0',
        '-disposition:a:1',
        'default',
        '-f',
        'matroska',
      ],
    )
    expect(await chosenTrack(bytes)).toBe(2)
  })

  test('is the first that has sound if the others are silent', async () => {
    const silentFirst = ['-map', '1:a', '-map', '0:a', '-c:a', 'flac', '-f', 'matroska']
    expect(await chosenTrack(await encodeOne([wav, silentWav()], silentFirst))).toBe(2)
    expect(await chosenTrack(await tracks([]))).toBe(1)
    expect(await chosenTrack(silentWav())).toBe(1)
  })

  test('can be requested, and is listed with its language and title', async () => {
    const bytes = await tracks(['-metadata:s:a:1', 'language=fre', '-metadata:s:a:1', 'title=Booth'])
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'upload')
    await writeFile(path, bytes)
    const info = await media.probe(path, { track: 2 })
    expect(info.track).toBe(2)
    expect(info.tracks[1]).toMatchObject({
      number: 2,
      codec: 'flac',
      channels: 1,
      language: 'fre',
      title: 'Booth',
    })
    expect((await decoded(bytes, { track: 2 })).peak).toBe(0)
    expect(media.probe(path, { track: 3 })).rejects.toMatchObject({
      code: 'track_outside',
      message: 'track is 3, but the file has 2 audio tracks: send a track from 1 to 2',
    })
  })
})

describe('the mix', () => {
  const spread = async (pan: string) => decoded(await encodeOne([wav], ['-af', pan, '-f', 'wav']))

  test('of 16 channels has the only one with speech at its level', async () => {
    const { samples, peak } = await spread('pan=hexadecagonal|c13=c0')
    expect(likeness(samples, speech.samples)).toBeGreaterThan(0.99)
    expect(peak).toBeGreaterThan(0.9 * speech.peak)
  })

  test('of a channel and its inverse has the speech, with a warning', async () => {
    const { samples, codes } = await spread('pan=stereo|c0=c0|c1=-1*c0')
    expect(Math.abs(likeness(samples, speech.samples))).toBeGreaterThan(0.99)
    expect(codes).toEqual(['inverted_channel'])
  })

  test('brings down float samples above full scale instead of clipping them', async () => {
    const loud = await decoded(
      await encodeOne([wav], ['-af', 'volume=18dB', '-c:a', 'pcm_f32le', '-f', 'wav']),
    )
    expect(likeness(loud.samples, speech.samples)).toBeGreaterThan(0.97)
    expect(loud.codes).toEqual([])
  })

  test('of a recording that clips has a warning', async () => {
    expect((await decoded(await encodeOne([wav], ['-af', 'volume=30dB', '-f', 'wav']))).codes).toEqual([
      'clipped',
    ])
    expect(speech.codes).toEqual([])
  })
})

describe('a file that was cut off has a warning', () => {
  const first = (bytes: Uint8Array, share: number) => bytes.subarray(0, Math.floor(bytes.length * share))
  const cut = async (bytes: Uint8Array): Promise<{ seconds: number; codes: WarningCode[] }> =>
    decoded(first(bytes, 0.6))

  test.each(['wav', 'flac', 'mp3', 'ogg', 'webm'])('%s', async (extension) => {
    const { seconds, codes } = await cut(await readFile(fixture(`speech.${extension}`)))
    expect(codes).toEqual(['truncated'])
    expect(seconds).toBeGreaterThan(2)
    expect(seconds).toBeLessThan(5.5)
  })

  test.each<[string, string[]]>([
    ['m4a', ['-c:a', 'aac', '-movflags', '+faststart', '-f', 'ipod']],
    [
      'fragmented mp4',
      ['-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov', '-frag_duration', '500000', '-f', 'mp4'],
    ],
    ['aiff', ['-f', 'aiff']],
    ['caf', ['-f', 'caf']],
    ['w64', ['-f', 'w64']],
    ['au', ['-f', 'au']],
    ['flv', ['-ar', '44100', '-c:a', 'libmp3lame', '-f', 'flv']],
    ['tta', ['-f', 'tta']],
    ['wv', ['-f', 'wv']],
  ])('%s', async (_name, args) => {
    const whole = await encodeOne([wav], args)
    expect((await decoded(whole)).codes).toEqual([])
    expect((await cut(whole)).codes).toEqual(['truncated'])
  })
})

function silentWav(): Uint8Array {
  return new Uint8Array(wav).fill(0, 44)
}
