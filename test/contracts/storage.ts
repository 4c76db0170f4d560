import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
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

/** The keys below a prefix, in alphabetical order. */
export async function keysBelow(storage: Storage, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(storage.list(prefix), ({ key }) => key)).toSorted()
}

/** `bytes` that stop at each offset in `halts` until `goOn` is called. */
export function haltingStream(bytes: Uint8Array, ...halts: number[]) {
  const gates = halts.map(() => Promise.withResolvers<void>())
  const ends = [...halts, bytes.length]
  let sent = 0
  let passed = 0
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await gates[sent - 1]?.promise
      controller.enqueue(bytes.subarray(ends[sent - 1] ?? 0, ends[sent]))
      sent++
      if (sent === ends.length) controller.close()
    },
  })
  return { stream, goOn: () => gates[passed++]?.resolve() }
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
 * Tests of every storage adapter. `open` opens the same store each time. `remains` lists what is in the store and is
 * not a key, such as partial files.
 */
export function storageContract(options: {
  name: string
  open: () => Promise<Storage>
  remains: () => Promise<string[]>
  /** Whether a write that has received 10 MiB so far has stored as much of them as it can. */
  hasHalted: () => Promise<boolean>
  close: () => Promise<void>
}) {
  describe(`the storage port: ${options.name}`, () => {
    let storage: Storage
    // More than two parts of a multipart upload.
    const bytes = new Uint8Array(randomBytes(20 * MEGABYTE + 12_345))
    const stored = async (key: string) => bytesOf(await storage.read(key))
    const notFound = async (work: Promise<unknown>) => {
      const error = await work.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(VerbatimError)
      expect(error).toMatchObject({ code: 'not_found' })
    }
    const untilHalted = async () => {
      while (!(await options.hasHalted())) await Bun.sleep(5)
    }
    beforeAll(async () => {
      storage = await options.open()
    })
    afterAll(() => options.close())

    test('write stores a stream byte for byte and returns its size and hash', async () => {
      expect(await storage.write('whole/audio', streamOf(bytes))).toEqual({
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })
      expect(await storage.size('whole/audio')).toBe(bytes.length)
      expect(Buffer.compare(await stored('whole/audio'), bytes)).toBe(0)
      const copy = await storage.withFile('whole/audio', (path) => readFile(path))
      expect(Buffer.compare(copy, bytes)).toBe(0)
    })

    test('write stores an empty stream', async () => {
      expect((await storage.write('whole/empty', streamOf(new Uint8Array()))).bytes).toBe(0)
      expect(await storage.size('whole/empty')).toBe(0)
      expect(await stored('whole/empty')).toEqual(new Uint8Array())
    })

    test('write stores streams whose length is near a multiple of the part size', async () => {
      for (const length of [1, 8 * MEGABYTE - 1, 8 * MEGABYTE, 8 * MEGABYTE + 1, 16 * MEGABYTE]) {
        const part = bytes.subarray(0, length)
        const sha256 = createHash('sha256').update(part).digest('hex')
        expect(await storage.write('length/audio', streamOf(part))).toEqual({ bytes: length, sha256 })
        expect(await storage.size('length/audio')).toBe(length)
        expect(Buffer.compare(await stored('length/audio'), part)).toBe(0)
      }
    })

    test('concurrent writes do not mix their bytes', async () => {
      const parts = [0, 1, 2, 3].map((start) => bytes.subarray(start * MEGABYTE))
      await Promise.all(parts.map((part, index) => storage.write(`same/time-${index}`, streamOf(part))))
      for (const [index, part] of parts.entries()) {
        expect(Buffer.compare(await stored(`same/time-${index}`), part)).toBe(0)
      }
    })

    test('read returns any range', async () => {
      await storage.write('range/audio', streamOf(bytes))
      for (const [start, end] of [
        [0, 1],
        [0, 64_000],
        [3_200_001, 3_264_003],
        [8 * MEGABYTE - 1, 16 * MEGABYTE + 1],
        [bytes.length - 1, bytes.length],
        [77, 77],
      ] as const) {
        const read = await bytesOf(await storage.read('range/audio', { start, end }))
        expect(Buffer.compare(read, bytes.subarray(start, end))).toBe(0)
      }
    })

    test('withEnds provides at least the first and last MiB at their offsets', async () => {
      await storage.write('ends/audio', streamOf(bytes))
      const { file, whole } = await storage.withEnds('ends/audio', async (path, whole) => {
        return { file: await readFile(path), whole }
      })
      const shown = whole ? bytes.length : MEGABYTE
      expect(file.length).toBe(bytes.length)
      expect(Buffer.compare(file.subarray(0, shown), bytes.subarray(0, shown))).toBe(0)
      expect(Buffer.compare(file.subarray(-shown), bytes.subarray(-shown))).toBe(0)
      expect(await options.remains()).toEqual([])
    })

    test('write replaces the value of a key', async () => {
      await storage.write('again/audio', streamOf(bytes))
      await storage.write('again/audio', streamOf(bytes.subarray(0, 10)))
      expect(await stored('again/audio')).toEqual(bytes.slice(0, 10))
    })

    test('a key that was never written, or is only a prefix of others, is not found', async () => {
      await storage.write('found/audio', streamOf(bytes.subarray(0, 10)))
      for (const key of ['missing', 'found', 'found/audi', 'found/audio/below']) {
        await notFound(storage.read(key))
        await notFound(storage.withFile(key, async () => {}))
        await notFound(storage.withEnds(key, async () => {}))
        expect(await storage.size(key)).toBeNull()
      }
    })

    test('onChunk receives the size of every chunk, and its error fails the write and leaves nothing', async () => {
      let counted = 0
      const count = (size: number) => {
        counted += size
      }
      await storage.write('counted/audio', streamOf(bytes), { onChunk: count })
      expect(counted).toBe(bytes.length)

      const reached = new Error('the limit is reached')
      const refuse = () => {
        throw reached
      }
      const error = await storage
        .write('refused/audio', streamOf(bytes), { onChunk: refuse })
        .catch((error: unknown) => error)
      expect(error).toBe(reached)
      expect(await storage.size('refused/audio')).toBeNull()
      expect(await options.remains()).toEqual([])
      await storage.remove('counted')
    })

    test('a stream that fails leaves the previous value and no partial file', async () => {
      const lost = new Error('the client is gone')
      await storage.write('kept/audio', streamOf(bytes.subarray(0, 10)))
      for (const key of ['kept/audio', 'broken/audio']) {
        const error = await storage.write(key, breakingStream(bytes, lost)).catch((error: unknown) => error)
        expect(error).toBe(lost)
      }
      expect(await stored('kept/audio')).toEqual(bytes.slice(0, 10))
      expect(await storage.size('broken/audio')).toBeNull()
      expect(await keysBelow(storage, 'broken')).toEqual([])
      expect(await options.remains()).toEqual([])
    })

    test('a value is invisible until its stream has ended', async () => {
      let close: (() => void) | undefined
      const isPulled = Promise.withResolvers<void>()
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(bytes.subarray(0, 1000)),
        pull(controller) {
          isPulled.resolve()
          return new Promise<void>((resolve) => {
            close = () => {
              controller.close()
              resolve()
            }
          })
        },
      })
      const writing = storage.write('slow/audio', body)
      await isPulled.promise
      expect(await storage.size('slow/audio')).toBeNull()
      close?.()
      await writing
      expect(await storage.size('slow/audio')).toBe(1000)
    })

    test('list returns keys and times below a prefix, grouped by folder', async () => {
      const minuteAgo = Date.now() - 60_000
      const keys = ['many/one/audio', 'many/one/pcm', 'many/one/pcm-1', 'many/two/audio', 'many/two/pcm']
      for (const key of [...keys, 'many-more/audio'])
        await storage.write(key, streamOf(bytes.subarray(0, 10)))
      const listed = await Array.fromAsync(storage.list('many'))
      expect(listed.map(({ key }) => key).toSorted()).toEqual(keys)
      const folders = listed.map(({ key }) => key.split('/')[1])
      expect(folders.filter((folder, index) => folder !== folders[index - 1])).toHaveLength(2)
      for (const { modifiedAt } of listed) {
        expect(modifiedAt.getTime()).toBeGreaterThan(minuteAgo)
        expect(modifiedAt.getTime()).toBeLessThan(Date.now() + 60_000)
      }
      expect(await keysBelow(storage, 'never')).toEqual([])
    })

    test('remove deletes a prefix with all keys below it', async () => {
      const keys = ['all/one/audio', 'all/one/pcm', 'all/one-more/audio', 'all/two/audio']
      for (const key of keys) await storage.write(key, streamOf(bytes.subarray(0, 10)))
      await storage.remove('all/one')
      expect(await storage.size('all/one/audio')).toBeNull()
      expect(await keysBelow(storage, 'all')).toEqual(['all/one-more/audio', 'all/two/audio'])
      await storage.remove('all/two/audio')
      expect(await keysBelow(storage, 'all')).toEqual(['all/one-more/audio'])
      await storage.remove('all/one')
    })

    test('write and remove of the same folder at the same time both succeed', async () => {
      for (let round = 0; round < 50; round++) {
        const keys = ['one', 'two', 'three'].map((name) => `removed-${round}/folder/${name}`)
        const removing = async () => {
          for (let time = 0; time < 5; time++) await storage.remove(`removed-${round}`)
        }
        const writing = keys.map((key) => storage.write(key, streamOf(bytes.subarray(0, 10))))
        await Promise.all([...writing, removing()])
        for (const key of await keysBelow(storage, `removed-${round}`)) expect(keys).toContain(key)
      }
      expect(await options.remains()).toEqual([])
    })

    test('removeAbandoned and a second open do not disturb a recent write', async () => {
      const { stream, goOn } = haltingStream(bytes, 10 * MEGABYTE)
      const writing = storage.write('going/audio', stream)
      await untilHalted()
      await options.open()
      expect(await storage.removeAbandoned(new Date(Date.now() - 60_000))).toBe(0)
      goOn()
      await writing
      expect(Buffer.compare(await stored('going/audio'), bytes)).toBe(0)
      expect(await options.remains()).toEqual([])
    })

    test('removeAbandoned removes an old partial write, and that write fails', async () => {
      const { stream, goOn } = haltingStream(bytes, 10 * MEGABYTE)
      const outcome = storage.write('abandoned/audio', stream).catch((error: unknown) => error)
      await untilHalted()
      expect(await storage.removeAbandoned(new Date(Date.now() + 60_000))).toBe(1)
      expect(await options.remains()).toEqual([])
      goOn()
      expect(await outcome).toBeInstanceOf(Error)
      expect(await storage.size('abandoned/audio')).toBeNull()
      expect(await options.remains()).toEqual([])
    })

    for (const key of HOSTILE) {
      test(`the key ${JSON.stringify(key)} is refused`, async () => {
        const attempts = [
          () => storage.write(key, streamOf(bytes.subarray(0, 10))),
          () => storage.read(key),
          () => storage.withFile(key, async () => {}),
          () => storage.withEnds(key, async () => {}),
          () => storage.size(key),
          () => keysBelow(storage, key),
          () => storage.remove(key),
        ]
        for (const attempt of attempts) {
          const refused = await attempt().catch((error: unknown) => error)
          expect(refused).toBeInstanceOf(TypeError)
        }
        expect(await options.remains()).toEqual([])
      })
    }

    test('a store that is opened again has the same values', async () => {
      await storage.write('lasting/audio', streamOf(bytes.subarray(0, 10)))
      storage = await options.open()
      expect(await stored('lasting/audio')).toEqual(bytes.slice(0, 10))
    })
  })
}
