import { sql } from 'drizzle-orm'
import { openChanges } from '../../src/db/changes.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { users } from '../../src/db/schema.ts'
import { SAMPLE_RATE } from '../../src/media/media.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createBeginUpload } from '../../src/transcriptions/intake/begin-upload.ts'
import { createPrepare } from '../../src/transcriptions/pipeline/prepare.ts'
import { CLIP_SECONDS, simulatedEngines, simulatedMedia, simulatedStorage } from './simulated.ts'

const CONCURRENCY = 8
const inspection = {
  container: 'wav',
  codec: 'pcm_s16le',
  channels: 1,
  claimedSeconds: CLIP_SECONDS,
  track: 1,
  tracks: [],
}

/** Uploads clips of random users with the API's code. Returns the uploads per second. */
export async function upload({ url, count }: { url: string; count: number }): Promise<number> {
  await using opened = await open(url)
  const { db, queue } = opened
  const beginUpload = createBeginUpload({
    db,
    queue,
    storage: simulatedStorage,
    inspect: async () => ({ inspection, sound: null }),
    engines: ['sidecar'],
    defaultQuality: 'balanced',
    canVerify: false,
    models: { check: async () => {} },
    maxAudioSeconds: 86_400,
    decodeAheadSeconds: 0,
    usageLimits: {},
    storageQuota: null,
    concurrencyLimit: () => ({ [Symbol.dispose]() {} }),
    webhooks: {
      check: async () => {},
      seal: () => Promise.reject(new Error('these uploads have no callback')),
      provide: async () => {},
    },
    traces: noTraces,
  })
  const everyone = await db.select({ id: users.id }).from(users).orderBy(sql`random()`)
  const start = performance.now()
  let left = count
  const run = async () => {
    while (left-- > 0) {
      // The same distribution over the users as in `seed`.
      const user = everyone[Math.floor(everyone.length * Math.random() ** 3)]
      if (!user) throw new Error('the database has no users')
      await using intake = await beginUpload({ userId: user.id })
      const stored = await intake.store(new Blob(['audio']).stream())
      await intake.commit({ fields: new Map([['language', 'en']]), file: { filename: 'clip.wav', stored } })
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, run))
  return count / ((performance.now() - start) / 1000)
}

/** Prepares uploads with the workers' code, so that their spans wait. Returns the uploads per second. */
export async function prepare({ url, count }: { url: string; count: number }): Promise<number> {
  await using opened = await open(url)
  const { db, changes, queue } = opened
  const prepareOne = createPrepare({
    db,
    changes,
    queue,
    storage: simulatedStorage,
    media: simulatedMedia,
    engines: simulatedEngines(0),
    defaultModel: undefined,
    verifyModel: undefined,
    maxAudioSeconds: 86_400,
    audioSecondsPerDay: undefined,
    // No engine runs, so all audio must be decoded ahead.
    decodeAheadSeconds: Number.MAX_SAFE_INTEGER / SAMPLE_RATE,
    maxConcurrentPerUser: undefined,
    traces: noTraces,
    log: console.error,
  })
  const done = Promise.withResolvers<void>()
  let left = count
  const start = performance.now()
  await queue.work('prepare', { concurrency: CONCURRENCY }, async (data, signal) => {
    await prepareOne(data, signal)
    left -= 1
    if (left === 0) done.resolve()
  })
  await done.promise
  return count / ((performance.now() - start) / 1000)
}

async function open(url: string) {
  const { db, listen, close } = await openPostgres({ url })
  const queue = await pgBossQueue({ url, listen, onError: console.error })
  return {
    db,
    queue,
    changes: await openChanges({ listen }),
    async [Symbol.asyncDispose]() {
      await queue.stop(0)
      await close()
    },
  }
}
