import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { VerbatimError } from '../../src/errors.ts'
import type { Storage } from '../../src/storage/storage.ts'

const MEGABYTE = 2 ** 20

const HOSTILE = [
  '',
  '.',
  '..',
  '../up',
  'a/../../up',
  '/etc/passwd',
  'a//b',
  'a/',
  'A',
  'a b',
  'a\0b',
  'a\n',
  'a\\b',
  'ä',
]

/** `bytes` as a stream of chunks of uneven length. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      const to = Math.min(bytes.length, at + 1 + ((at * 7919) % 300_000))
      controller.enqueue(bytes.subarray(at, to))
      at = to
    },
  })
}

/** Half of `bytes`, then an error. */
function breakingStream(bytes: Uint8Array, error: Error): ReadableStream<Uint8Array> {
  let sent = false
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(error)
      sent = true
      controller.enqueue(bytes.subarray(0, bytes.length / 2))
    },
  })
}

export async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/**
 * What every storage does. `open` opens the same place each time; `remains` names whatever lies in it that is no key,
 * such as half-written files.
 */
export function storageContract(options: {
  name: string
  open: () => Promise<Storage>
  remains: () => Promise<string[]>
  close: () => Promise<void>
}) {
  describe(`the storage port: ${options.name}`, () => {
    let storage: Storage
    const bytes = new Uint8Array(randomBytes(5 * MEGABYTE + 12_345))
    const stored = async (key: string) => bytesOf(await storage.read(key))
    const notFound = async (work: Promise<unknown>) => {
      const error = await work.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(VerbatimError)
      expect(error).toMatchObject({ code: 'not_found' })
    }
    beforeAll(async () => {
      storage = await options.open()
    })
    afterAll(() => options.close())

    test('keeps a stream byte for byte, and says its size and hash', async () => {
      expect(await storage.write('whole/audio', streamOf(bytes))).toEqual({
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })
      expect(await storage.size('whole/audio')).toBe(bytes.length)
      expect(Buffer.compare(await stored('whole/audio'), bytes)).toBe(0)
      const copy = await storage.withFile('whole/audio', (path) => readFile(path))
      expect(Buffer.compare(copy, bytes)).toBe(0)
    })

    test('keeps an empty stream too', async () => {
      expect((await storage.write('whole/empty', streamOf(new Uint8Array()))).bytes).toBe(0)
      expect(await storage.size('whole/empty')).toBe(0)
      expect(await stored('whole/empty')).toEqual(new Uint8Array())
    })

    test('reads any stretch', async () => {
      await storage.write('range/audio', streamOf(bytes))
      for (const [start, end] of [
        [0, 1],
        [0, 64_000],
        [3_200_001, 3_264_003],
        [bytes.length - 1, bytes.length],
        [77, 77],
      ] as const) {
        const read = await bytesOf(await storage.read('range/audio', { start, end }))
        expect(Buffer.compare(read, bytes.subarray(start, end))).toBe(0)
      }
    })

    test('replaces what a key holds', async () => {
      await storage.write('again/audio', streamOf(bytes))
      await storage.write('again/audio', streamOf(bytes.subarray(0, 10)))
      expect(await stored('again/audio')).toEqual(bytes.slice(0, 10))
    })

    test('has nothing under a key that was never written, or that only others begin with', async () => {
      await storage.write('found/audio', streamOf(bytes.subarray(0, 10)))
      for (const key of ['missing', 'found', 'found/audi', 'found/audio/below']) {
        await notFound(storage.read(key))
        await notFound(storage.withFile(key, async () => {}))
        expect(await storage.size(key)).toBeNull()
      }
    })

    test('keeps nothing of a stream that breaks off, and what the key held before', async () => {
      const lost = new Error('the client is gone')
      await storage.write('kept/audio', streamOf(bytes.subarray(0, 10)))
      for (const key of ['kept/audio', 'broken/audio']) {
        const error = await storage.write(key, breakingStream(bytes, lost)).catch((error: unknown) => error)
        expect(error).toBe(lost)
      }
      expect(await stored('kept/audio')).toEqual(bytes.slice(0, 10))
      expect(await storage.size('broken/audio')).toBeNull()
      expect(await storage.list('broken')).toEqual([])
      expect(await options.remains()).toEqual([])
    })

    test('shows nothing of a stream until all of it is there', async () => {
      let more: (() => void) | undefined
      const asked = Promise.withResolvers<void>()
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(bytes.subarray(0, 1000)),
        pull(controller) {
          asked.resolve()
          return new Promise<void>((resolve) => {
            more = () => {
              controller.close()
              resolve()
            }
          })
        },
      })
      const writing = storage.write('slow/audio', body)
      await asked.promise
      expect(await storage.size('slow/audio')).toBeNull()
      more?.()
      await writing
      expect(await storage.size('slow/audio')).toBe(1000)
    })

    test('keeps what was written to a file', async () => {
      const made = await storage.fromFile('made/pcm', async (path) => {
        await writeFile(path, bytes)
        return 'what decoding found'
      })
      expect(made).toBe('what decoding found')
      expect(Buffer.compare(await stored('made/pcm'), bytes)).toBe(0)
    })

    test('keeps nothing of a file whose making failed', async () => {
      const failure = new Error('the audio is damaged')
      const making = storage.fromFile('unmade/pcm', async (path) => {
        await writeFile(path, bytes)
        throw failure
      })
      expect(await making.catch((error: unknown) => error)).toBe(failure)
      expect(await storage.size('unmade/pcm')).toBeNull()
      expect(await options.remains()).toEqual([])
    })

    test('lists the names below a prefix, and removes a prefix with all below it', async () => {
      for (const key of ['many/one/audio', 'many/one/pcm', 'many/two/audio']) {
        await storage.write(key, streamOf(bytes.subarray(0, 10)))
      }
      expect((await storage.list('many')).toSorted()).toEqual(['one', 'two'])
      expect((await storage.list('many/one')).toSorted()).toEqual(['audio', 'pcm'])
      await storage.remove('many/one')
      expect(await storage.size('many/one/audio')).toBeNull()
      expect(await storage.size('many/one/pcm')).toBeNull()
      expect(await storage.list('many')).toEqual(['two'])
      expect(await storage.size('many/two/audio')).toBe(10)
      await storage.remove('many/one')
      expect(await storage.list('never')).toEqual([])
    })

    for (const key of HOSTILE) {
      test(`refuses the key ${JSON.stringify(key)}`, async () => {
        const attempts = [
          () => storage.write(key, streamOf(bytes.subarray(0, 10))),
          () => storage.fromFile(key, async (path) => writeFile(path, 'x')),
          () => storage.read(key),
          () => storage.withFile(key, async () => {}),
          () => storage.size(key),
          () => storage.list(key),
          () => storage.remove(key),
        ]
        for (const attempt of attempts) {
          const refused = await attempt().catch((error: unknown) => error)
          expect(refused).toBeInstanceOf(TypeError)
        }
        expect(await options.remains()).toEqual([])
      })
    }

    test('holds what it held when it is opened again', async () => {
      await storage.write('lasting/audio', streamOf(bytes.subarray(0, 10)))
      storage = await options.open()
      expect(await stored('lasting/audio')).toEqual(bytes.slice(0, 10))
    })
  })
}
