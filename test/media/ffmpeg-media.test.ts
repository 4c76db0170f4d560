import { afterAll, describe, expect, test } from 'bun:test'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { BYTES_PER_SAMPLE, BYTES_PER_SECOND, SAMPLE_RATE, SAMPLES_PER_PIECE } from '../../src/media/media.ts'
import {
  amplyAbove,
  fixture,
  SPEECH_SECONDS,
  stereoWav,
  temporaryFolder,
  writeSilence,
} from '../support/recordings.ts'
import { decodeWhole } from './decode-whole.ts'

const media = ffmpegMedia()
afterAll(() => media.close())

const W64_RIFF_GUID = '726966662e91cf11a5d628db04c10000'
const W64_GUID_TAIL = 'f3acd3118cd100c04f8edb8a'

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

const FORMATS: [string, string, string][] = [
  ['speech.wav', 'wav', 'pcm_s16le'],
  ['speech.mp3', 'mp3', 'mp3'],
  ['speech.flac', 'flac', 'flac'],
  ['speech.m4a', 'mov,mp4,m4a,3gp,3g2,mj2', 'aac'],
  ['speech.ogg', 'ogg', 'vorbis'],
  ['speech.webm', 'matroska,webm', 'opus'],
  ['speech.mp4', 'mov,mp4,m4a,3gp,3g2,mj2', 'aac'],
]

const decoded = (path: string, maxSeconds = 60) => decodeWhole(media, { path, maxSeconds })

/** The code both ways of reading a file refuse it with; fails when the decoder leaves anything behind. */
async function refusalsOf(bytes: Uint8Array | string): Promise<unknown[]> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  await writeFile(path, bytes)
  const probed = await media.probe(path).then(() => 'taken', codeOf)
  const decodedTo = await decoded(path).then(() => 'taken', codeOf)
  expect(await readdir(folder.path)).toEqual(['upload'])
  return [probed, decodedTo]
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error)

describe('supported formats', () => {
  test.each(FORMATS)('%s', async (name, container, codec) => {
    const info = await media.probe(fixture(name))
    expect(info).toMatchObject({ container, codec, channels: 1 })
    expect(Math.abs((info.claimedSeconds ?? 0) - SPEECH_SECONDS)).toBeLessThan(0.2)

    const audio = await decoded(fixture(name))
    expect(Math.abs(audio.samples / SAMPLE_RATE - SPEECH_SECONDS)).toBeLessThan(0.1)
    expect(audio.pcm.length).toBe(audio.samples * BYTES_PER_SAMPLE)

    // The same loudness at the same time as in the wav: nothing is shifted, doubled or lost.
    const { levels } = await decoded(fixture('speech.wav'))
    expect(Math.abs(audio.levels.length - levels.length)).toBeLessThanOrEqual(1)
    const apart = levels.map((level, index) => Math.abs(level - (audio.levels[index] ?? level)))
    expect(apart.reduce((sum, each) => sum + each, 0) / apart.length).toBeLessThan(6)
  })

  test('a single channel has its own samples, and a missing channel is silent', async () => {
    await using folder = await temporaryFolder()
    const speech = new Uint8Array(await readFile(fixture('speech.wav'))).subarray(44)
    const [left, right] = [speech.subarray(0, 64_000), speech.subarray(64_000, 128_000)]
    const path = join(folder.path, 'stereo')
    await writeFile(path, stereoWav(left, right))
    for (const [channel, pcm] of [left, right].entries()) {
      const { pcm: alone, peaks } = await decodeWhole(media, { path, maxSeconds: 60, channel })
      expect(peaks).toHaveLength(80)
      expect(alone).toEqual(new Uint8Array(pcm))
    }
    const { levels } = await decodeWhole(media, { path, maxSeconds: 60, channel: 2 })
    expect(levels).toEqual(new Uint8Array(40))
  })

  test('a 16 kHz wav is decoded to the same samples', async () => {
    const { pcm } = await decoded(fixture('speech.wav'))
    expect(pcm).toEqual(new Uint8Array(await readFile(fixture('speech.wav'))).subarray(44))
  })
})

describe('refused files', () => {
  const noise = new Uint8Array(50_000).map((_, index) => Math.imul(index, 2_654_435_761) >>> 13)
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), noise])

  test.each<[string, string, Uint8Array | string]>([
    ['an empty file', 'empty', ''],
    ['noise', 'unsupported_type', noise],
    ['a text', 'unsupported_type', 'A letter about a river and a library.\n'.repeat(200)],
    ['a picture', 'unsupported_type', png],
  ])('%s is %s', async (_what, code, bytes) => {
    expect(await refusalsOf(bytes)).toEqual([code, code])
  })

  test('a video without an audio track is no_audio_track', async () => {
    expect(await refusalsOf(await readFile(fixture('silent.mp4')))).toEqual([
      'no_audio_track',
      'no_audio_track',
    ])
  })

  test.each<[string, number]>([
    ['speech.wav', 44],
    ['speech.flac', 4 + 4 + 34],
  ])('the header of %s without sound is empty', async (name, bytes) => {
    const [, outcome] = await refusalsOf((await readFile(fixture(name))).subarray(0, bytes))
    expect(outcome).toBe('empty')
  })

  test('a header that the decoder rejects is corrupt', async () => {
    const bytes = await readFile(fixture('speech.wav'))
    bytes[20] = 255 // the codec becomes AAC
    bytes[22] = 255 // with 255 channels
    expect(await refusalsOf(bytes)).toEqual(['corrupt', 'corrupt'])
  })

  test('an m4a with a truncated index is corrupt', async () => {
    const bytes = await readFile(fixture('speech.m4a'))
    expect(await refusalsOf(bytes.subarray(0, 20_000))).toEqual(['corrupt', 'corrupt'])
  })

  test.each([
    [2_000, 1],
    [16_000, 65],
  ])('%i samples a second in %i channels is unsupported_type', async (sampleRate, channels) => {
    const bytes = new Uint8Array(await readFile(fixture('speech.wav')))
    const header = new DataView(bytes.buffer)
    header.setUint16(22, channels, true)
    header.setUint32(24, sampleRate, true)
    header.setUint32(28, sampleRate * channels * 2, true)
    header.setUint16(32, channels * 2, true)
    expect(await refusalsOf(bytes)).toEqual(['unsupported_type', 'unsupported_type'])
  })

  test('audio longer than maxSeconds is too_long', async () => {
    const path = fixture('speech.mp3')
    expect(await decoded(path, 7).catch(codeOf)).toBe('too_long')
    expect(await decoded(path, 7.2)).toBeObject()
  })

  test('each refusal is one sentence without paths', async () => {
    await using folder = await temporaryFolder()
    for (const bytes of ['', 'text', await readFile(fixture('silent.mp4')), noise]) {
      const path = join(folder.path, 'upload')
      await writeFile(path, bytes)
      const { message } = await media.probe(path).catch((error) => error)
      expect(message).toMatch(/^[A-Z]([^/.]|(?<=audio)\/)+\.$/)
    }
  })
})

test.each(['speech.mp3', 'speech.flac', 'speech.wav', 'speech.ogg'])(
  'a %s that was cut off gives what is there, at its true length',
  async (name) => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'upload')
    const bytes = await readFile(fixture(name))
    await writeFile(path, bytes.subarray(0, bytes.length / 2))
    const { samples, pcm } = await decoded(path)
    expect(samples).toBe(pcm.length / BYTES_PER_SAMPLE)
    expect(samples / SAMPLE_RATE).toBeGreaterThan(2)
    expect(samples / SAMPLE_RATE).toBeLessThan(5)
  },
)

test('audio more than 4 GiB into a file is decoded', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'upload')
  const bytes = await readFile(fixture('speech.wav'))
  const gap = 5 * 2 ** 30
  // RIFF's 64-bit sibling: a chunk of 5 GiB that is skipped, then the samples.
  const w64 = (name: string) => Buffer.from(`${Buffer.from(name).toString('hex')}${W64_GUID_TAIL}`, 'hex')
  const chunk = (guid: Buffer, size: number) => Buffer.concat([guid, uint64(24 + size)])
  const head = Buffer.concat([
    ...[Buffer.from(W64_RIFF_GUID, 'hex'), uint64(gap + bytes.length + 200), w64('wave')],
    ...[chunk(w64('fmt '), 16), bytes.subarray(20, 36), chunk(w64('junk'), gap)],
  ])
  const samples = bytes.subarray(44)
  const file = await open(path, 'w')
  await file.write(head, 0, head.length, 0)
  const tail = Buffer.concat([chunk(w64('data'), samples.length), samples])
  await file.write(tail, 0, tail.length, head.length + gap)
  await file.close()
  expect((await decoded(path)).pcm).toEqual(new Uint8Array(samples))
})

describe('a long recording', () => {
  const PIECE_SECONDS = SAMPLES_PER_PIECE / SAMPLE_RATE
  const SECONDS = 2 * PIECE_SECONDS + 100

  test('arrives in consecutive pieces while the main thread is free', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'long.wav')
    await writeSilence(path, SECONDS)
    await media.probe(path)
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const { pieces, levels } = await decoded(path, SECONDS)
    clearInterval(timer)
    expect(pieces.map(({ pcm }) => pcm.length / BYTES_PER_SECOND)).toEqual([
      PIECE_SECONDS,
      PIECE_SECONDS,
      100,
    ])
    expect(pieces.map(({ isLast }) => isLast)).toEqual([false, false, true])
    expect(levels).toEqual(new Uint8Array(SECONDS * 20))
    expect(ticks).toBeGreaterThan(10)
  })

  test('whose last piece is full has no empty piece after it', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'long.wav')
    await writeSilence(path, PIECE_SECONDS)
    expect((await decoded(path, PIECE_SECONDS)).pieces).toMatchObject([{ isLast: true }])
  })

  test('does not time out while `take` runs', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'long.wav')
    await writeSilence(path, SECONDS)
    const decodeMs = await amplyAbove(() => decoded(path, SECONDS))
    const impatient = ffmpegMedia({ timeouts: { decodeMs } })
    const taken: boolean[] = []
    try {
      await impatient.decode({
        path,
        maxSeconds: SECONDS,
        async take({ isLast }) {
          if (taken.length === 0) await Bun.sleep(decodeMs + 500)
          taken.push(isLast)
        },
      })
    } finally {
      await impatient.close()
    }
    expect(taken).toEqual([false, false, true])
  })

  test('ends with the error of `take`, and no further piece arrives', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'long.wav')
    await writeSilence(path, SECONDS)
    let given = 0
    const decoding = media.decode({
      path,
      maxSeconds: SECONDS,
      async take() {
        given++
        throw new Error('no room')
      },
    })
    expect(await decoding.catch((error) => error)).toEqual(new Error('no room'))
    expect(given).toBe(1)
  })

  test('that is too long yields the pieces before the limit', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'long.wav')
    await writeSilence(path, SECONDS)
    const given: boolean[] = []
    const decoding = media.decode({
      path,
      maxSeconds: SECONDS - 1,
      take: async ({ isLast }) => void given.push(isLast),
    })
    expect(await decoding.catch(codeOf)).toBe('too_long')
    expect(given).toEqual([false, false])
  })
})
