import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import type { Queue } from '../../src/queue/queue.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createAcceptUpload } from '../../src/transcriptions/intake/accept-upload.ts'
import { probeInspector } from '../../src/transcriptions/intake/inspect.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { createUploadWebhooks } from '../../src/webhooks/upload-webhooks.ts'
import { keysBelow, streamOf } from '../contracts/storage.ts'
import { embedded } from '../support/databases.ts'
import { fixture, temporaryFolder } from '../support/recordings.ts'
import { openWorkplace, type Workplace } from '../support/workplace.ts'

setDefaultTimeout(60_000)

const FORMATS = ['wav', 'mp3', 'flac', 'm4a', 'mp4', 'ogg', 'webm']

const media = ffmpegMedia()
let workplace: Workplace
let queue: Queue
beforeAll(async () => {
  workplace = await openWorkplace(embedded)
  queue = await workplace.openQueue()
})
afterAll(async () => {
  await workplace.tidy()
  await workplace.close()
  await media.close()
})

/** The workplace's storage, as one that lies elsewhere: it shows `endBytes` of each end, and counts what is read whole. */
function distant(endBytes: number) {
  const { storage } = workplace
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

/** Uploads to `storage`; gives what was written down of it. */
async function uploaded(storage: Storage, recording: Uint8Array) {
  const upload = createAcceptUpload({
    ...{
      db: workplace.db,
      queue,
      storage,
      inspect: probeInspector({ storage, media }),
      engines: ['sidecar'],
      maxAudioSeconds: 3600,
      usageLimits: {},
      storageQuota: null,
      concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
      webhooks: createUploadWebhooks({
        outbound: guardedOutbound({ allow: [] }),
        cipher: await createSecretCipher({ secrets: ['a secret for tests'] }),
      }),
    },
    traces: noTraces,
  })
  const id = await upload({
    userId: workplace.userId,
    receive: async (store) => ({
      fields: new Map(),
      file: { filename: 'recording', stored: await store(streamOf(recording)) },
    }),
  })
  const { codec, contentType, audioChannels, claimedSeconds, audioSha256 } =
    (await findTranscription(workplace.db, id)) ?? expect.unreachable()
  return { codec, contentType, audioChannels, claimedSeconds, audioSha256 }
}

test.each(FORMATS)('what the ends of a %s say is taken for the whole', async (format) => {
  const recording = await readFile(fixture(`speech.${format}`))
  const { storage, seen } = distant(12_000)
  expect(await uploaded(storage, recording)).toEqual(await uploaded(workplace.storage, recording))
  expect(seen.whole).toBe(0)
})

test('where they do not say what it is, all of it is read', async () => {
  const recording = await readFile(fixture('speech.m4a'))
  const { storage, seen } = distant(100)
  expect(await uploaded(storage, recording)).toEqual(await uploaded(workplace.storage, recording))
  expect(seen.whole).toBe(1)
})

test('what is no audio is refused by what all of it says, and is gone', async () => {
  const { storage } = distant(100)
  const before = await keysBelow(workplace.storage, 'transcriptions')
  const error = await uploaded(storage, await readFile(fixture('silent.mp4'))).catch(
    (error: unknown) => error,
  )
  expect(error).toMatchObject({ code: 'no_audio_track' })
  expect(await keysBelow(workplace.storage, 'transcriptions')).toEqual(before)
})
