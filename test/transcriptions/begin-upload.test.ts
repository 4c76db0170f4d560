import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Intake } from '../../src/intake.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import type { Queue } from '../../src/queue/queue.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { probeInspector } from '../../src/transcriptions/intake/inspect.ts'
import { audioKey, manifestKey, pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { insertUpload, removeUpload } from '../../src/tus/uploads.store.ts'
import { keysBelow, streamOf } from '../contracts/storage.ts'
import { openBeginUpload } from '../support/begin-upload.ts'
import { embedded } from '../support/databases.ts'
import { openPipeline, type Pipeline } from '../support/pipeline.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'
import { uploadAudio } from '../support/upload-audio.ts'

const FORMATS = ['wav', 'mp3', 'flac', 'm4a', 'mp4', 'ogg', 'webm']

const media = ffmpegMedia()
let pipeline: Pipeline
let queue: Queue
beforeAll(async () => {
  pipeline = await openPipeline(embedded)
  queue = await pipeline.openQueue()
})
afterAll(async () => {
  await pipeline.tidy()
  await pipeline.close()
  await media.close()
})

/** A remote storage: `withEnds` shows only `endBytes` of each end, and `seen.whole` counts whole reads. */
function distant(endBytes: number) {
  const { storage } = pipeline
  const seen = { whole: 0 }
  const elsewhere: Storage = {
    ...storage,
    withFile(key, use) {
      seen.whole++
      return storage.withFile(key, use)
    },
    async withEnds(key, use) {
      const bytes = await storage.withFile(key, (path) => readFile(path))
      await using folder = await temporaryFolder()
      const path = join(folder.path, 'ends')
      await writeFile(path, bytes.fill(0, endBytes, Math.max(endBytes, bytes.length - endBytes)))
      return await use(path, false)
    },
  }
  return { storage: elsewhere, seen }
}

const beginUploadTo = (storage: Storage) =>
  openBeginUpload({ db: pipeline.db, queue, storage, inspect: probeInspector({ storage, media }) })

/** Uploads to `storage`; returns the facts that were written to the row. */
async function uploaded(storage: Storage, recording: Uint8Array) {
  const beginUpload = await beginUploadTo(storage)
  const id = await uploadAudio(beginUpload, { userId: pipeline.userId, audio: recording })
  const { codec, contentType, audioChannels, claimedSeconds, audioSha256 } =
    (await findTranscription(pipeline.db, id)) ?? expect.unreachable()
  return { codec, contentType, audioChannels, claimedSeconds, audioSha256 }
}

test.each(FORMATS)('the ends of a %s file are enough to inspect it', async (format) => {
  const recording = await readFile(fixture(`speech.${format}`))
  const { storage, seen } = distant(12_000)
  expect(await uploaded(storage, recording)).toEqual(await uploaded(pipeline.storage, recording))
  expect(seen.whole).toBe(0)
})

test('a file whose ends say nothing is inspected as a whole', async () => {
  const recording = await readFile(fixture('speech.m4a'))
  const { storage, seen } = distant(100)
  expect(await uploaded(storage, recording)).toEqual(await uploaded(pipeline.storage, recording))
  expect(seen.whole).toBe(1)
})

test('a file without an audio track is refused after a whole inspection, and is removed', async () => {
  const { storage } = distant(100)
  const before = await keysBelow(pipeline.storage, 'transcriptions')
  const error = await uploaded(storage, await readFile(fixture('silent.mp4'))).catch(
    (error: unknown) => error,
  )
  expect(error).toMatchObject({ code: 'no_audio_track' })
  expect(await keysBelow(pipeline.storage, 'transcriptions')).toEqual(before)
})

test('an intake without a commit removes its audio', async () => {
  const { storage, userId } = pipeline
  const before = await keysBelow(storage, 'transcriptions')
  const beginUpload = await beginUploadTo(storage)
  {
    await using intake = await beginUpload({ userId })
    await intake.store(streamOf(await readFile(fixture('speech.mp3'))))
    expect(await keysBelow(storage, 'transcriptions')).toHaveLength(before.length + 1)
  }
  expect(await keysBelow(storage, 'transcriptions')).toEqual(before)
})

describe('two intakes of one resumable upload', () => {
  async function commitTwice(beforeSecond: (uploadId: string) => Promise<void>) {
    const { db, storage, userId } = pipeline
    const audio = await readFile(fixture('speech.mp3'))
    const { id: uploadId } =
      (await insertUpload(db, { userId, length: audio.length, metadata: '' })) ?? expect.unreachable()
    const beginUpload = await beginUploadTo(storage)
    await using first = await beginUpload({ userId, uploadId })
    await using second = await beginUpload({ userId, uploadId })
    const file = async (intake: Intake) => ({ filename: null, stored: await intake.store(streamOf(audio)) })
    const files = [await file(first), await file(second)] as const
    const id = await first.commit({ fields: new Map(), file: files[0] })
    await beforeSecond(uploadId)
    const result = await second.commit({ fields: new Map(), file: files[1] }).catch((error: unknown) => error)
    return { id, result }
  }

  test('commit one transcription, and keep one audio', async () => {
    const before = await keysBelow(pipeline.storage, 'transcriptions')
    const { id, result } = await commitTwice(async () => {})
    expect(result).toBe(id)
    const added = (await keysBelow(pipeline.storage, 'transcriptions')).filter((key) => !before.includes(key))
    expect(added).toEqual([audioKey(id), manifestKey(id), pcmKey({ id })])
  })

  test('commit nothing after the upload was deleted', async () => {
    const before = await keysBelow(pipeline.storage, 'transcriptions')
    const { id, result } = await commitTwice((uploadId) => removeUpload(pipeline.db, uploadId))
    expect(result).toMatchObject({ code: 'not_found' })
    const added = (await keysBelow(pipeline.storage, 'transcriptions')).filter((key) => !before.includes(key))
    expect(added).toEqual([audioKey(id), manifestKey(id), pcmKey({ id })])
  })
})
