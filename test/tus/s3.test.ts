import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { s3Storage } from '../../src/storage/s3/s3.ts'
import { probeInspector } from '../../src/transcriptions/intake/inspect.ts'
import { audioKey } from '../../src/transcriptions/storage-keys.ts'
import { createTusService } from '../../src/tus/tus.service.ts'
import { UPLOADS_FOLDER } from '../../src/tus/uploads.store.ts'
import { streamOf } from '../contracts/storage.ts'
import { openBeginUpload } from '../support/begin-upload.ts'
import { embedded } from '../support/databases.ts'
import { repeatedSpeech } from '../support/pipeline.ts'
import { temporaryFolder } from '../support/recordings.ts'
import { insertAnyUser } from '../support/rows.ts'
import { openS3Server, type S3Server } from '../support/s3-server.ts'

let server: S3Server

beforeAll(async () => {
  server = await openS3Server()
})
afterAll(() => server.stop())

test('chunks in a bucket are joined to the audio of a transcription, and are removed', async () => {
  await using scratch = await temporaryFolder()
  const storage = await s3Storage({ ...server, prefix: server.folder, scratch: scratch.path })
  const { db, openQueue, close } = await embedded.open()
  const queue = await openQueue()
  const media = ffmpegMedia()
  const beginUpload = await openBeginUpload({
    db,
    queue,
    storage,
    inspect: probeInspector({ storage, media }),
  })
  const uploads = createTusService({
    db,
    storage,
    removeFolder: (folder) => storage.remove(folder),
    beginUpload,
    checkFields: async () => {},
    maxBytes: 2 ** 30,
    storageQuota: null,
    concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
  })
  try {
    const recording = wavOf(await repeatedSpeech(50))
    const userId = await insertAnyUser(db)
    const { id } = await uploads.create({ userId, length: recording.length, metadata: '' })
    let transcriptionId: string | null = null
    let offset = 0
    // Chunks smaller and larger than a part of an S3 multipart upload.
    for (const end of [1_000_001, 1_000_002, 10_500_000, recording.length]) {
      using chunk = await uploads.beginChunk({ id, userId, offset })
      await chunk.store(streamOf(recording.subarray(offset, end)))
      const state = await chunk.commit()
      offset = state.offset
      expect(offset).toBe(end)
      transcriptionId = state.transcriptionId
    }
    const audio = await new Response(await storage.read(audioKey(transcriptionId ?? ''))).bytes()
    expect(Buffer.compare(audio, recording)).toBe(0)
    expect(await Array.fromAsync(storage.list(UPLOADS_FOLDER))).toEqual([])
  } finally {
    await queue.stop(0)
    await media.close()
    await close()
  }
})
