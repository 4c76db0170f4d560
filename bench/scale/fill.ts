import { sql } from 'drizzle-orm'
import { openChanges } from '../../src/db/changes.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { users } from '../../src/db/schema.ts'
import { pgBossQueue } from '../../src/queue/pg-boss.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { createPrepare } from '../../src/transcriptions/prepare.ts'
import { createUpload } from '../../src/transcriptions/upload.ts'
import { CLIP_SECONDS, simulatedEngines, simulatedMedia, simulatedStorage } from './simulated.ts'

const AT_ONCE = 8
const info = { container: 'wav', codec: 'pcm_s16le', channels: 1, claimedSeconds: CLIP_SECONDS }

/** Uploads clips of the database's users, by the code of the API. Gives how many a second. */
export async function upload({ url, count }: { url: string; count: number }): Promise<number> {
  await using place = await open(url)
  const { db, queue } = place
  const take = createUpload({
    db,
    queue,
    storage: simulatedStorage,
    look: async () => info,
    engines: ['sidecar'],
    maxAudioSeconds: 86_400,
    allowance: {},
    webhooks: { check: async () => {}, provide: async () => {} },
    traces: noTraces,
  })
  const everyone = await db.select({ id: users.id }).from(users).orderBy(sql`random()`)
  const began = performance.now()
  let left = count
  const one = async () => {
    while (left-- > 0) {
      // As many of few users' as there are in the table.
      const user = everyone[Math.floor(everyone.length * Math.random() ** 3)]
      if (!user) throw new Error('there is no user')
      await take({
        userId: user.id,
        async receive(store) {
          const stored = await store(new Blob(['audio']).stream())
          return { fields: new Map([['language', 'en']]), file: { filename: 'clip.wav', stored } }
        },
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return count / ((performance.now() - began) / 1000)
}

/** Prepares so many uploads, by the code of the workers, so that their spans wait. Gives how many a second. */
export async function prepare({ url, count }: { url: string; count: number }): Promise<number> {
  await using place = await open(url)
  const { db, changes, queue } = place
  const run = createPrepare({
    ...{ db, changes, queue, storage: simulatedStorage, media: simulatedMedia, engines: simulatedEngines(0) },
    maxAudioSeconds: 86_400,
    maxConcurrentPerUser: undefined,
    traces: noTraces,
    log: console.error,
  })
  const all = Promise.withResolvers<void>()
  let left = count
  const began = performance.now()
  await queue.work('prepare', { concurrency: AT_ONCE }, async (data, signal) => {
    await run(data, signal)
    left -= 1
    if (left === 0) all.resolve()
  })
  await all.promise
  return count / ((performance.now() - began) / 1000)
}

async function open(url: string) {
  const { db, listen, close } = await openPostgres({ url })
  const queue = await pgBossQueue({ database: { url }, listen, onError: console.error })
  return {
    ...{ db, queue, changes: await openChanges({ listen }) },
    async [Symbol.asyncDispose]() {
      await queue.stop(0)
      await close()
    },
  }
}
