import { describe, expect, test } from 'bun:test'
import { setImmediate } from 'node:timers/promises'
import { VerbatimError } from '../../src/errors.ts'
import { readUpload } from '../../src/http/body/audio-upload.ts'
import { MIN_THROUGHPUT } from '../../src/http/body/min-throughput.ts'
import { multipartParser } from '../../src/http/body/multipart-parser.ts'
import { BOUNDARY, bytesOf, formOf, type Part, received, requestOf, textOf, thrownBy } from './forms.ts'

const audio: Part = { name: 'audio', filename: 'a.wav', type: 'audio/wav', body: 'sound' }
const MIB = 1024 * 1024
const field = (name: string, body: string): Part => ({ name, body })

describe('a form', () => {
  test('has fields before and after the file', async () => {
    const form = formOf(field('language', 'de'), audio, field('task', 'translate'))
    expect(await received(requestOf([form]))).toEqual({
      fields: { language: 'de', task: 'translate' },
      file: { filename: 'a.wav', stored: 'sound' },
    })
  })

  test('is parsed alike wherever the network splits it', async () => {
    const body = `\r\n--${BOUNDARY.slice(0, -1)}\r\n-\r\r\n--\r\n\r\n`
    const form = formOf(field('empty', ''), { ...audio, body }, field('language', 'ü'))
    const whole = { fields: { empty: '', language: 'ü' }, file: { filename: 'a.wav', stored: body } }
    for (let cut = 0; cut <= form.length; cut++) {
      const pieces = [form.subarray(0, cut), form.subarray(cut)]
      expect({ cut, ...(await received(requestOf(pieces))) }).toEqual({ cut, ...whole })
    }
    for (const size of [1, 2, 3, 5, 7, 31]) {
      expect({ size, ...(await received(requestOf(cutUp(form, size)))) }).toEqual({ size, ...whole })
    }
  })

  test('without a file returns only its fields', async () => {
    expect(await received(requestOf([formOf(field('audio', 'text'))]))).toEqual({
      fields: { audio: 'text' },
      file: null,
    })
    expect(await received(requestOf([bytesOf([`--${BOUNDARY}--\r\n`])]))).toEqual({ fields: {}, file: null })
  })

  test('can have a file without a name, and an empty file', async () => {
    const unnamed = { name: 'audio', type: 'application/octet-stream', body: 'sound' }
    expect((await received(requestOf([formOf(unnamed)]))).file).toEqual({ filename: null, stored: 'sound' })
    expect((await received(requestOf([formOf({ ...audio, body: '' })]))).file?.stored).toBe('')
  })

  const bytes = Buffer.from([0xff, 0xfb, ...Buffer.from('sound'.repeat(300))])

  test.each(['audio', 'file'])('has its file in the field %s, with or without a filename', async (name) => {
    expect((await received(requestOf([formOf({ ...audio, name })]))).file?.stored).toBe('sound')
    for (const body of [bytes.subarray(0, 4), bytes]) {
      const form = formOf({ name, body }, field('language', 'de'))
      for (const size of [1, 100, form.length]) {
        expect(await received(requestOf(cutUp(form, size)))).toEqual({
          fields: { language: 'de' },
          file: { filename: null, stored: body.toString() },
        })
      }
    }
  })

  test('has no file in a field of text', async () => {
    const text = 'grüß Gott '.repeat(100)
    const form = formOf(field('file', text), audio)
    for (const size of [1, 100, form.length]) {
      expect(await received(requestOf(cutUp(form, size)))).toEqual({
        fields: { file: text },
        file: { filename: 'a.wav', stored: 'sound' },
      })
    }
  })

  test('has no file if its file field was left empty', async () => {
    for (const empty of [field('audio', ''), { ...audio, filename: '', body: '' }]) {
      expect((await received(requestOf([formOf(empty)]))).file).toBeNull()
      expect((await received(requestOf([formOf(empty, { ...audio, name: 'file' })]))).file?.stored).toBe(
        'sound',
      )
    }
  })

  test('puts the values of a list in any spelling on lines; of other fields the last value wins', async () => {
    const form = formOf(
      field('list', 'a'),
      field('list', 'b,c'),
      field('list[]', 'd'),
      field('list[1]', ''),
      field('list[0]', 'e'),
      field('language', 'de'),
      field('language', 'fr'),
      field('include[]', 'x'),
    )
    const request = new Request('http://localhost/?list=z&task=x&task=y', requestOf([form]))
    const lists = new Set(['list'])
    const { fields } = await readUpload({ request, name: 'audio', lists, maxBytes: 100, store: textOf })
    expect(Object.fromEntries(fields)).toEqual({
      list: 'a\nb,c\nd\n\ne',
      language: 'fr',
      'include[]': 'x',
      task: 'y',
    })
  })

  test('names the field of a file under another name, and the one to use', async () => {
    expect(await thrownBy(received(requestOf([formOf({ ...audio, name: 'recording' })])))).toMatchObject({
      code: 'no_audio_file',
      message: 'The form has a file in the field "recording": send the audio in the field audio',
    })
  })

  test('keeps field names such as __proto__ as names', async () => {
    const names = ['__proto__', 'constructor', 'toString', '']
    const { fields } = await readUpload({
      request: requestOf([formOf(...names.map((name) => field(name, 'x')), audio)]),
      name: 'audio',
      maxBytes: 100,
      store: textOf,
    })
    expect([...fields.keys()]).toEqual(names)
    expect('x' in {}).toBe(false)
  })

  test('ignores text before the first boundary and after the last', async () => {
    const form = bytesOf(['preamble\r\n', formOf(audio), 'epilogue\r\n--', `\r\n--${BOUNDARY}\r\n`])
    expect((await received(requestOf([form]))).file?.stored).toBe('sound')
  })
})

describe('a hostile boundary', () => {
  const boundary = 'a'.repeat(70)
  const bodies: [what: string, body: string][] = [
    ['its own letter', 'a'],
    ['line ends', '\r\n'],
    ['boundaries without their last letter', `\r\n--${boundary.slice(1)}`],
  ]
  test.each(bodies)('is searched for in linear time in a body of %s', async (_, body) => {
    const piece = bytesOf([body.repeat(MIB / body.length)])
    const parser = multipartParser(`multipart/form-data; boundary=${boundary}`)
    const before = process.cpuUsage()
    for (let pieces = 0; pieces < 16; pieces++) for (const _ of parser.write(piece)) expect.unreachable()
    const { user } = process.cpuUsage(before)
    // 16 MiB take 0.03 s; comparing the whole boundary at each byte takes 1.6 s.
    expect(user / 1e6).toBeLessThan(0.6)
  })
})

describe('audio as the body', () => {
  const bare = (type: string, pieces: string[], disposition?: string) => {
    const request = requestOf(
      pieces.map((piece) => bytesOf([piece])),
      type,
    )
    if (disposition) request.headers.set('content-disposition', disposition)
    return request
  }

  test('takes its filename from Content-Disposition and its fields from the query', async () => {
    const request = new Request('http://localhost/?language=de&words=true', bare('audio/wav', ['so', 'und']))
    request.headers.set('content-disposition', `attachment; filename*=UTF-8''na%C3%AFve.wav`)
    expect(await received(request)).toEqual({
      fields: { language: 'de', words: 'true' },
      file: { filename: 'naïve.wav', stored: 'sound' },
    })
  })

  test('is accepted with each type that can be audio', async () => {
    for (const type of ['audio/x-m4a', 'VIDEO/mp4', 'application/octet-stream', 'application/ogg']) {
      expect((await received(bare(type, ['sound']))).file).toEqual({ filename: null, stored: 'sound' })
    }
  })

  test.each([
    '',
    'application/x-www-form-urlencoded',
    'application/mp3',
    'text/plain',
    'binary/octet-stream',
  ])('is accepted with the type %p if it does not start with text', async (type) => {
    const bytes = Buffer.from([0x49, 0x44, 0x33, 3, 0, 0xff, 0xfb, ...Buffer.from('sound'.repeat(300))])
    for (const cut of [1, 600]) {
      const request = requestOf([bytes.subarray(0, cut), bytes.subarray(cut)], type)
      expect((await received(request, 10_000)).file?.stored).toBe(bytes.toString())
    }
  })

  test('is refused with what to send if it is text', async () => {
    for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded']) {
      for (const text of ['language=de', 'grüß Gott '.repeat(200)]) {
        expect(await thrownBy(received(bare(type, [text])))).toMatchObject({
          code: 'no_audio_file',
          message: expect.stringMatching(/body is text.*multipart\/form-data.*field audio$/),
        })
      }
    }
  })

  test.each(['gzip', 'Deflate', 'br, gzip'])('is refused with Content-Encoding: %s', async (encoding) => {
    const request = bare('audio/wav', ['sound'])
    request.headers.set('content-encoding', encoding)
    expect(await thrownBy(received(request))).toMatchObject({
      code: 'unsupported_type',
      message: `Content-Encoding is "${encoding}": send the body without compression and without this header`,
    })
    request.headers.set('content-encoding', 'identity')
    expect((await received(request)).file?.stored).toBe('sound')
  })

  test('is refused over the size limit', async () => {
    const thrown = await thrownBy(received(bare('audio/wav', ['12345', '67890', '1']), 10))
    expect(thrown).toMatchObject({ code: 'too_large' })
    expect((await received(bare('audio/wav', ['12345', '67890']), 10)).file?.stored).toBe('1234567890')
  })
})

test('an upload whose sender is silent fails, and so does its store', async () => {
  for (const [type, start] of [
    ['audio/wav', 'sou'],
    [`multipart/form-data; boundary=${BOUNDARY}`, new TextDecoder().decode(formOf(audio)).slice(0, -20)],
  ] as const) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(start)),
    })
    const request = new Request('http://localhost/', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    let failed: unknown
    const store = (stream: ReadableStream<Uint8Array>) =>
      textOf(stream).catch((error: unknown) => {
        failed = error
        throw error
      })
    const stalled = {
      code: 'upload_stalled',
      message: 'The upload stalled: no data arrived for 0.05 seconds',
    }
    expect(
      await thrownBy(
        readUpload({ request, name: 'audio', maxBytes: 100, pace: { ...MIN_THROUGHPUT, idleMs: 50 }, store }),
      ),
    ).toMatchObject(stalled)
    expect(failed).toMatchObject(stalled)
  }
})

describe('the minimum throughput', () => {
  const sending = (pull: (to: ReadableStreamDefaultController<Uint8Array>) => unknown) =>
    new Request('http://localhost/', {
      method: 'POST',
      headers: { 'content-type': 'audio/wav' },
      body: new ReadableStream<Uint8Array>(
        { pull: async (to) => void (await pull(to)) },
        { highWaterMark: 0 },
      ),
    })

  test('fails an upload that sends a byte now and then', async () => {
    const request = sending(async (to) => {
      await Bun.sleep(5)
      to.enqueue(new Uint8Array(1))
    })
    const pace = { ...MIN_THROUGHPUT, overMs: 50, leastBytes: 1000 }
    const error = await thrownBy(readUpload({ request, name: 'audio', maxBytes: 1e9, pace, store: textOf }))
    expect(error).toMatchObject({
      code: 'upload_stalled',
      message: expect.stringMatching(/^The upload is too slow: only \d+ bytes arrived in [\d.]+ seconds$/),
    })
  })

  test('accepts a long upload that is fast enough', async () => {
    let sent = 0
    const request = sending(async (to) => {
      await Bun.sleep(20)
      to.enqueue(new Uint8Array(1000))
      sent++
      if (sent === 10) to.close()
    })
    const pace = { ...MIN_THROUGHPUT, overMs: 50, leastBytes: 1000 }
    const { file } = await readUpload({ request, name: 'audio', maxBytes: 1e9, pace, store: textOf })
    expect(file?.stored).toHaveLength(10_000)
  })

  test('accepts an upload that storage slows down', async () => {
    let sent = 0
    const request = sending((to) => {
      to.enqueue(new Uint8Array(10))
      sent++
      if (sent === 4) to.close()
    })
    const pace = { ...MIN_THROUGHPUT, overMs: 400, leastBytes: 1000 }
    const { file } = await readUpload({
      ...{ request, name: 'audio', maxBytes: 1e9, pace },
      async store(body) {
        let bytes = 0
        for await (const piece of body) {
          await Bun.sleep(150)
          bytes += piece.length
        }
        return bytes
      },
    })
    expect(file?.stored).toBe(40)
  })
})

describe('an upload is refused for', () => {
  const refusals: [problem: string, request: () => Request, code: string][] = [
    ['a file under another name', () => requestOf([formOf({ ...audio, name: 'talk' })]), 'no_audio_file'],
    ['JSON', () => requestOf([bytesOf(['{}'])], 'application/json'), 'no_audio_file'],
    ['no body', () => new Request('http://localhost/', { method: 'POST' }), 'no_audio_file'],
    ['several files', () => requestOf([formOf(audio, audio)]), 'validation'],
    [
      'several files in two fields',
      () => requestOf([formOf(audio, { ...audio, name: 'file' })]),
      'validation',
    ],
    [
      'a text field that is too long',
      () => requestOf([formOf(field('a', 'x'.repeat(65_537)))]),
      'validation',
    ],
    ['too many parts', () => requestOf([formOf(...Array(513).fill(field('a', '')))]), 'validation'],
    [
      'no boundary',
      () => requestOf([formOf(audio)], 'multipart/form-data; charset=utf-8'),
      'incomplete_upload',
    ],
    [
      'another boundary',
      () => requestOf([formOf(audio)], 'multipart/form-data; boundary=no'),
      'incomplete_upload',
    ],
    [
      'a part without a name',
      () => requestOf([malformed('Content-Disposition: form-data')]),
      'incomplete_upload',
    ],
    ['a part without a head', () => requestOf([malformed('')]), 'incomplete_upload'],
    ['a head without an end', () => requestOf([malformed(`a: ${'x'.repeat(20_000)}`)]), 'incomplete_upload'],
    ['an empty body', () => requestOf([]), 'incomplete_upload'],
  ]
  for (const [problem, request, code] of refusals) {
    test(`${problem}: ${code}`, async () => {
      expect(await thrownBy(received(request()))).toMatchObject({ name: 'VerbatimError', code })
    })
  }

  test('a form that ends anywhere before its closing boundary', async () => {
    const form = formOf(field('language', 'de'), audio)
    for (let end = 0; end < form.length - 2; end++) {
      const error = await thrownBy(received(requestOf([form.subarray(0, end)])))
      expect(error).toMatchObject({ code: 'incomplete_upload' })
    }
  })

  test('a file over the size limit', async () => {
    const form = formOf({ ...audio, body: 'x'.repeat(1000) })
    expect((await received(requestOf([form]), 1000)).file?.stored).toHaveLength(1000)
    const error = await thrownBy(received(requestOf([form]), 999))
    expect(error).toMatchObject({
      code: 'too_large',
      message: 'The audio file is larger than the 999 bytes that this server takes',
    })
  })

  test('an endless body without a file, early', async () => {
    let sent = 0
    function* endless() {
      for (; sent < 64 * 1024 * 1024; sent += 65_536) yield new Uint8Array(65_536)
    }
    expect(await thrownBy(received(requestOf(endless()), 1000))).toMatchObject({ code: 'too_large' })
    expect(sent).toBeLessThan(2 * 1024 * 1024)
  })

  test('a form that ends early, after its store has failed with the same error', async () => {
    const seen: unknown[] = []
    const store = (body: ReadableStream<Uint8Array>) =>
      textOf(body).catch(async (error: unknown) => {
        await setImmediate()
        seen.push(error)
        throw error
      })
    const request = requestOf([formOf(audio).subarray(0, -20)])
    const error = await thrownBy(readUpload({ request, name: 'audio', maxBytes: 100, store }))
    expect(error).toMatchObject({ code: 'incomplete_upload' })
    expect(seen).toEqual([error])
  })
})

describe('a store', () => {
  const form = () => requestOf(cutUp(formOf({ ...audio, body: 'x'.repeat(100_000) }), 1000))
  const upload = (store: (body: ReadableStream<Uint8Array>) => Promise<unknown>) =>
    thrownBy(readUpload({ request: form(), name: 'audio', maxBytes: 1_000_000, store }))

  test('that throws before reading fails the upload with its error', async () => {
    const full = new VerbatimError('storage_full', 'There is no room')
    expect(await upload(() => Promise.reject(full))).toBe(full)
  })

  test('that throws while reading fails the upload with its error', async () => {
    const broken = new Error('the disk is gone')
    const error = await upload(async (body) => {
      for await (const _ of body) throw broken
    })
    expect(error).toBe(broken)
  })

  test('that throws while it locks the stream fails the upload with its error', async () => {
    const broken = new Error('the disk is gone')
    const error = await upload(async (body) => {
      await body.getReader().read()
      throw broken
    })
    expect(error).toBe(broken)
  })

  test('that throws after the last byte fails the upload with its error', async () => {
    const full = new VerbatimError('storage_full', 'There is no room')
    const error = await upload(async (body) => {
      await textOf(body)
      throw full
    })
    expect(error).toBe(full)
  })

  test('that is slow slows the sender down', async () => {
    const PIECE = 65_536
    let produced = 0
    let consumed = 0
    let ahead = 0
    function* sender() {
      yield bytesOf([formOf(audio).subarray(0, -`\r\n--${BOUNDARY}--\r\n`.length)])
      for (let pieces = 0; pieces < 200; pieces++) {
        produced += PIECE
        yield new Uint8Array(PIECE)
      }
      yield bytesOf([`\r\n--${BOUNDARY}--\r\n`])
    }
    await readUpload({
      request: requestOf(sender()),
      name: 'audio',
      maxBytes: 1e9,
      async store(body) {
        for await (const bytes of body) {
          // Enough turns of the event loop for a sender without backpressure to send everything.
          for (let turn = 0; turn < 50; turn++) await setImmediate()
          consumed += bytes.length
          ahead = Math.max(ahead, produced - consumed)
        }
      },
    })
    expect(consumed).toBe(200 * PIECE + 'sound'.length)
    expect(ahead).toBeLessThanOrEqual(2 * PIECE)
  })
})

function malformed(head: string) {
  return bytesOf([`--${BOUNDARY}\r\n${head}\r\n\r\nx\r\n--${BOUNDARY}--\r\n`])
}

function* cutUp(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
