import { expect, test } from 'bun:test'
import { readUpload } from '../../src/http/body/audio-upload.ts'
import { formOf, requestOf, thrownBy } from './forms.ts'

const stored = (request: Request, maxBytes = 1000) =>
  readUpload({
    request,
    name: 'audio',
    maxBytes,
    store: async (body) => Buffer.concat(await Array.fromAsync(body, (chunk) => chunk.slice())),
  }).then(({ file }) => file?.stored)

/** A header of the AU format: all numbers are big-endian, and the size is unknown. */
function au({ encoding, rate, channels }: { encoding: number; rate: number; channels: number }): Buffer {
  const header = Buffer.alloc(32)
  header.write('.snd')
  for (const [index, value] of [32, 0xffffffff, encoding, rate, channels].entries()) {
    header.writeUInt32BE(value, 4 + 4 * index)
  }
  return header
}

test.each([
  ['audio/L16; rate=16000; channels=1', { encoding: 3, rate: 16_000, channels: 1 }],
  ['Audio/l16;channels="2";rate=44100', { encoding: 3, rate: 44_100, channels: 2 }],
  ['audio/L24;rate=48000', { encoding: 4, rate: 48_000, channels: 1 }],
])('samples of the type %s are stored as an AU file', async (type, format) => {
  const samples = Uint8Array.of(1, 2, 3, 0xfe, 0xff, 0)
  const file = Buffer.concat([au(format), samples])
  expect(await stored(requestOf([samples.subarray(0, 1), samples.subarray(1)], type))).toEqual(file)
  expect(
    await stored(requestOf([formOf({ name: 'audio', filename: 'a.raw', type, body: samples })])),
  ).toEqual(file)
  expect(await stored(requestOf([formOf({ name: 'file', type, body: samples })]))).toEqual(file)
})

test('samples of 8 bits, which audio/L8 offsets by 128, are stored signed', async () => {
  const header = au({ encoding: 2, rate: 8000, channels: 1 })
  const body = Uint8Array.of(0, 127, 128, 255)
  expect(await stored(requestOf([body], 'audio/L8;rate=8000'))).toEqual(
    Buffer.concat([header, Uint8Array.of(128, 255, 0, 127)]),
  )
})

test('the size limit holds for the samples', async () => {
  const type = 'audio/L16;rate=8000'
  const samples = new Uint8Array(100)
  expect(await stored(requestOf([samples], type), 100)).toHaveLength(132)
  expect(await thrownBy(stored(requestOf([samples], type), 99))).toMatchObject({ code: 'too_large' })
})

test('other types are stored as they are', async () => {
  for (const type of ['audio/wav', 'audio/L160;rate=8000', 'audio/basic']) {
    expect(await stored(requestOf([Uint8Array.of(1, 2)], type))).toEqual(Buffer.of(1, 2))
  }
})

test.each([
  ['audio/L16', /^rate is missing in the Content-Type "audio\/L16": send a whole number/],
  ['audio/L16;rate=fast', /^rate is "fast"/],
  ['audio/L16;rate=0', /^rate is "0"/],
  ['audio/L16;rate=16000.5', /^rate is "16000.5"/],
  ['audio/L24;rate=9999999', /^rate is "9999999".*from 1000 to 384000/],
  ['audio/L16;rate=16000;channels=0', /^channels is "0"/],
  ['audio/L16;rate=16000;channels=', /^channels is ""/],
])('the type %s is refused by the name of its parameter', async (type, message) => {
  const problem = { code: 'validation', message: expect.stringMatching(message) }
  expect(await thrownBy(stored(requestOf([new Uint8Array(4)], type)))).toMatchObject(problem)
  const form = formOf({ name: 'audio', filename: 'a', type, body: 'samples' })
  expect(await thrownBy(stored(requestOf([form])))).toMatchObject(problem)
})
