import { asc, eq } from 'drizzle-orm'
import { concatenated } from '../../src/bytes.ts'
import { spans } from '../../src/db/schema.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { type Engines, withFailover } from '../../src/engines/failover.ts'
import type { Callback } from '../../src/intake.ts'
import { ffmpegMedia } from '../../src/media/ffmpeg/ffmpeg-media.ts'
import { BYTES_PER_SAMPLE } from '../../src/media/media.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { diskStorage } from '../../src/storage/disk.ts'
import { noTraces } from '../../src/traces/traces.ts'
import type { Inspect } from '../../src/transcriptions/intake/inspect.ts'
import type { WorkServices } from '../../src/transcriptions/pipeline/work-services.ts'
import { pcmFolder } from '../../src/transcriptions/storage-keys.ts'
import { joinTexts } from '../../src/transcriptions/transcript/languages.ts'
import {
  findTranscription,
  segmentsOf,
  type Transcription,
} from '../../src/transcriptions/transcriptions.store.ts'
import type { DeliverServices } from '../../src/webhooks/deliver.ts'
import { createSecretCipher } from '../../src/webhooks/secret-cipher.ts'
import { startWorker } from '../../src/worker.ts'
import { openBeginUpload } from './begin-upload.ts'
import type { TestDatabaseKind } from './databases.ts'
import { inspectOnly } from './inspect.ts'
import { atVolume, fixturePcm } from './pcm.ts'
import { temporaryFolder } from './recordings.ts'
import { insertAnyUser } from './rows.ts'
import { namingSamples } from './scripted-engine.ts'
import { uploadAudio } from './upload-audio.ts'

export type Pipeline = Awaited<ReturnType<typeof openPipeline>>

/** The real services of the transcription pipeline, except the engine, which each test provides. */
export async function openPipeline(kind: TestDatabaseKind) {
  const database = await kind.open()
  const folder = await temporaryFolder()
  const storage = await diskStorage({ root: folder.path })
  const media = ffmpegMedia()
  const { db, changes } = database
  const userId = await insertAnyUser(db)
  const queues: Queue[] = []

  const cipher = await createSecretCipher({ secrets: ['a secret for tests'] })

  async function openQueue(): Promise<Queue> {
    const queue = await database.openQueue()
    queues.push(queue)
    return queue
  }

  function servicesOf({
    queue,
    engine,
  }: {
    queue: Queue
    engine: Engine | Engines
  }): WorkServices & DeliverServices {
    const engines = 'available' in engine ? engine : withFailover([engine])
    return {
      db,
      changes,
      queue,
      storage,
      media,
      engines,
      defaultModel: undefined,
      verifyModel: undefined,
      outbound: guardedOutbound({ allow: [] }),
      cipher,
      publicUrl: () => 'http://localhost',
      maxAudioSeconds: 100_000,
      audioSecondsPerDay: undefined,
      decodeAheadSeconds: 3600,
      maxConcurrentPerUser: undefined,
      traces: noTraces,
      log: () => {},
    }
  }

  return {
    db,
    listen: database.listen,
    userId,
    storage,
    media,
    openQueue,
    servicesOf,

    /** Starts a worker on a new queue, as a service does when it starts. */
    async startWorker(engine: Engine | Engines, other: Partial<WorkServices> = {}): Promise<Queue> {
      const queue = await openQueue()
      await startWorker({ ...servicesOf({ queue, engine }), ...other })
      return queue
    },

    /** Uploads a recording; returns the transcription's id. */
    async upload(
      queue: Queue,
      recording: Uint8Array,
      fields: Record<string, string> = {},
      {
        by = userId,
        inspect = inspectOnly({ storage, media }),
        maxAudioSeconds = 3700,
        callback = null,
      }: { by?: string; inspect?: Inspect; maxAudioSeconds?: number; callback?: Callback | null } = {},
    ): Promise<string> {
      const beginUpload = await openBeginUpload({
        db,
        queue,
        storage,
        inspect,
        engines: ['sidecar', 'huggingface'],
        maxAudioSeconds,
      })
      return uploadAudio(beginUpload, { userId: by, audio: recording, fields, callback })
    },

    /** Resolves with the transcription once `is` returns true for it. */
    async once(id: string, is: (row: Transcription) => boolean): Promise<Transcription> {
      for (;;) {
        const row = await findTranscription(db, id)
        if (row && is(row)) return row
        await Bun.sleep(20)
      }
    },

    /** Resolves once all pcm of a transcription is removed. */
    async withoutPcm(id: string): Promise<void> {
      for (;;) {
        const { done } = await storage.list(pcmFolder(id))[Symbol.asyncIterator]().next()
        if (done) return
        await Bun.sleep(10)
      }
    },

    spansOf(id: string) {
      return db
        .select()
        .from(spans)
        .where(eq(spans.transcriptionId, id))
        .orderBy(asc(spans.channel), asc(spans.startSample))
    },

    async segmentsOf(id: string) {
      const row = await findTranscription(db, id)
      return row ? segmentsOf(db, row) : []
    },

    /** Between tests: stops their workers and drops their jobs. */
    async tidy() {
      for (const queue of queues.splice(0)) await queue.stop(0)
      const queue = await openQueue()
      await queue.clear()
      for (const queue of queues.splice(0)) await queue.stop(0)
    },

    async close() {
      await media.close()
      await database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

export const isFinished = ({ status }: Transcription) => status === 'completed' || status === 'failed'

/** The fixture's speech, repeated; each repetition is quieter, so that all stretches differ. */
export async function repeatedSpeech(times: number): Promise<Uint8Array<ArrayBuffer>> {
  const speech = await fixturePcm('speech.wav')
  return concatenated(Array.from({ length: times }, (_, at) => atVolume(speech, 1 - at / (times + 1))))
}

/** The text of a recording whose spans were all transcribed by `namingSamples`. */
export function textOf(pcm: Uint8Array, ranges: { startSample: number; endSample: number }[]): string {
  const segments = ranges.flatMap(
    ({ startSample, endSample }) =>
      namingSamples(pcm.subarray(startSample * BYTES_PER_SAMPLE, endSample * BYTES_PER_SAMPLE)).segments,
  )
  return joinTexts(segments.map(({ text }) => text))
}
