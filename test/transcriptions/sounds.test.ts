import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { VerbatimError } from '../../src/errors.ts'
import type { Media } from '../../src/media/media.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { probeInspector } from '../../src/transcriptions/intake/inspect.ts'
import { recentSounds, type Sounds, storedSounds } from '../../src/transcriptions/sounds.ts'
import { folderOf, soundKey } from '../../src/transcriptions/storage-keys.ts'
import { keysBelow } from '../contracts/storage.ts'
import { decodeWhole } from '../media/decode-whole.ts'
import { embedded } from '../support/databases.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

const none = new Uint8Array()
const sound = { piece: { pcm: new Uint8Array(4), levels: none, peaks: none, isLast: true }, warnings: [] }

describe('a short upload', () => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(embedded)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  /** Uploads a recording, and transcribes it with media that cannot decode. */
  async function transcribed(sounds: Sounds, fields: Record<string, string> = {}) {
    const cannotDecode: Media = {
      ...pipeline.media,
      decode: () => Promise.reject(new VerbatimError('corrupt', 'It was decoded again')),
    }
    const queue = await pipeline.startWorker(scriptedEngine(), { sounds, media: cannotDecode })
    const inspect = probeInspector({ ...pipeline, sounds })
    const recording = await readFile(fixture('speech.mp3'))
    const id = await pipeline.upload(queue, recording, fields, { inspect })
    return pipeline.once(id, isFinished)
  }

  const kinds: [string, () => Sounds][] = [
    ['within one process', () => recentSounds()],
    ['through the storage', () => storedSounds(pipeline.storage)],
  ]

  test.each(kinds)('is decoded once: %s', async (_, openSounds) => {
    const row = await transcribed(openSounds())
    expect(row).toMatchObject({ status: 'completed', warnings: [] })
    const { samples } = await decodeWhole(pipeline.media, { path: fixture('speech.mp3'), maxSeconds: 60 })
    expect(row.totalSamples).toBe(samples)
    expect(await keysBelow(pipeline.storage, folderOf(row.id))).not.toContain(soundKey(row.id))
  })

  test.each(kinds)('is decoded again for its channels: %s', async (_, openSounds) => {
    expect(await transcribed(openSounds(), { channels: 'split' })).toMatchObject({ errorCode: 'corrupt' })
  })
})

test('within one process, sounds are kept until they are taken, for a time, and up to a size', async () => {
  const sounds = recentSounds({ maxBytes: 4, keptMs: 20 })
  expect(sounds.isRoom()).toBeTrue()
  await sounds.keep('a', sound)
  expect(sounds.isRoom()).toBeFalse()
  expect(await sounds.take('a')).toBe(sound)
  expect(await sounds.take('a')).toBeNull()
  await sounds.keep('b', sound)
  while (!sounds.isRoom()) await Bun.sleep(5)
  expect(await sounds.take('b')).toBeNull()
})

test('a file of the storage that is no sound is none', async () => {
  await using folder = await temporaryFolder()
  const storage = await diskStorage({ root: folder.path })
  const sounds = storedSounds(storage)
  expect(await sounds.take('a')).toBeNull()
  await storage.write(soundKey('a'), new Blob(['\x02\x00\x00\x00{}']).stream())
  expect(await sounds.take('a')).toBeNull()
})
