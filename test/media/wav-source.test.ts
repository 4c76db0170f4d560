import { describe, expect, test } from 'bun:test'
import { bytesAt, type Source } from '../../src/media/ffmpeg/source.ts'
import { wavSource } from '../../src/media/ffmpeg/wav-source.ts'
import { wavOf } from '../../src/media/wav.ts'

const SECOND = 32_000
const sound = (seconds: number) => new Uint8Array(seconds * SECOND).map((_, at) => 1 + (at % 250))

function sourceOf(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read(target, offset, length, position) {
      const part = bytes.subarray(position, position + length)
      target.set(part, offset)
      return part.length
    },
  }
}

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

/** A WAV whose header states `stated` bytes of sound. */
function wavStating(stated: number, pcm: Uint8Array): Uint8Array {
  const wav = wavOf(pcm)
  new DataView(wav.buffer).setUint32(40, stated, true)
  return wav
}

function rf64Stating(stated: number, pcm: Uint8Array): Uint8Array {
  const head = Buffer.alloc(48)
  head.write('RF64\xff\xff\xff\xffWAVEds64', 'latin1')
  head.writeUInt32LE(28, 16)
  head.writeBigUInt64LE(BigInt(stated), 28)
  return joined(head, wavStating(0xffff_ffff, pcm).subarray(12))
}

const TAGS = Buffer.from('LIST\x0c\x00\x00\x00INFOISFT\x00\x00\x00\x00', 'latin1')

function read(file: Uint8Array) {
  const wav = wavSource(sourceOf(file))
  const bytes = wav && bytesAt(wav.source, 0, wav.source.size)
  return wav && bytes && { ...wav, sound: bytes.subarray(44), isUnchanged: wav.source.size === file.length }
}

describe('a WAV file', () => {
  test.each<[string, Uint8Array, number | null]>([
    ['with right sizes', wavOf(sound(2)), 2],
    ['with tags after the sound', joined(wavOf(sound(2)), TAGS), 2],
    ['of a program that does not know the size', wavStating(0xffff_ffff, sound(2)), null],
    ['of a recorder that wrote no size', wavStating(0, sound(2)), null],
    ['that was cut off', wavOf(sound(3)).subarray(0, 44 + 2 * SECOND), 3],
  ])('%s is read as it is', (_what, file, claimedSeconds) => {
    expect(read(file)).toMatchObject({ seconds: expect.any(Number), claimedSeconds, isUnchanged: true })
  })

  test.each<[string, Uint8Array]>([
    ['that states one second', wavStating(SECOND, sound(3))],
    ['in RF64 that states one second', rf64Stating(SECOND, sound(3))],
    ['in RF64 with a 32-bit size of one second', joined(rf64Stating(SECOND, new Uint8Array()), sound(3))],
  ])('%s is read to its end', (_what, file) => {
    const wav = read(file)
    expect(wav).toMatchObject({ claimedSeconds: 1, seconds: 3 })
    expect(wav?.sound).toEqual(sound(3))
  })

  test('that follows others of its format is joined with them', () => {
    const wav = read(joined(wavOf(sound(1)), wavOf(sound(2)), TAGS))
    expect(wav).toMatchObject({ claimedSeconds: 1, seconds: 3, hasOtherFormat: false })
    expect(wav?.sound).toEqual(joined(sound(1), sound(2)))
  })

  test('that follows one of another format is reported', () => {
    const other = wavOf(sound(1))
    new DataView(other.buffer).setUint32(24, 8_000, true)
    expect(read(joined(wavOf(sound(1)), other))).toMatchObject({ seconds: 1, hasOtherFormat: true })
  })

  test('with only a header has no sound', () => {
    expect(read(wavOf(new Uint8Array()))).toMatchObject({ seconds: 0 })
    expect(read(joined(wavOf(new Uint8Array()), TAGS))).toMatchObject({ seconds: 0 })
  })

  test('of a codec without a fixed bit rate states no length', () => {
    const mp3 = wavOf(sound(1))
    new DataView(mp3.buffer).setUint16(20, 0x55, true)
    expect(read(mp3)).toMatchObject({ claimedSeconds: null, seconds: null })
  })
})

test.each<[string, Uint8Array]>([
  ['no file', new Uint8Array()],
  ['another file', sound(1)],
  ['a WAV without sound', Buffer.from('RIFF\x04\x00\x00\x00WAVE', 'latin1')],
  [
    'chunks that repeat without end',
    joined(Buffer.from('RIFF\xff\xff\xff\xffWAVE', 'latin1'), new Uint8Array(80_000)),
  ],
])('%s has no sizes to correct', (_what, file) => {
  expect(wavSource(sourceOf(file))).toBeNull()
})
