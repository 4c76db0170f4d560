import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { EngineOverloaded } from '../../src/engines/engine.ts'
import { withFailover } from '../../src/engines/failover.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { recoverJobs as recover } from '../../src/transcriptions/pipeline/recover-jobs.ts'
import { addSpans } from '../../src/transcriptions/pipeline/span-jobs.ts'
import { createTranscribeSpan } from '../../src/transcriptions/pipeline/transcribe-span.ts'
import { pcmKey } from '../../src/transcriptions/storage-keys.ts'
import { findTranscription } from '../../src/transcriptions/transcriptions.store.ts'
import { databases } from '../support/databases.ts'
import { openPipeline, type Pipeline } from '../support/pipeline.ts'
import { insertAnyUser, insertOwned } from '../support/rows.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

const forever = new AbortController().signal

describe.each(databases)('the rank of a user’s third file on $name', (kind) => {
  let pipeline: Pipeline
  let queue: Queue
  /** The priority of each enqueued job, with the id of its span or transcription. */
  const made: { id: string; priority: number }[] = []
  let third: string
  let spanId: string
  let first: number

  beforeAll(async () => {
    pipeline = await openPipeline(kind)
    const { db } = pipeline
    const real = await pipeline.openQueue()
    queue = {
      ...real,
      async enqueue(tx, name, jobs) {
        for (const { data, priority = 0 } of jobs) {
          made.push({
            id: 'spanId' in data ? data.spanId : 'transcriptionId' in data ? data.transcriptionId : '',
            priority,
          })
        }
        await real.enqueue(tx, name, jobs)
      },
    }
    const userId = await insertAnyUser(db)
    for (const minute of [1, 2, 3]) {
      third = await insertOwned(db, { userId, createdAt: new Date(Date.UTC(2026, 0, 1, 0, minute)) })
    }
    const transcription = await findTranscription(db, third)
    if (!transcription) throw new Error('the third file is gone')
    const ranges = [{ channel: 0, startSample: 0, endSample: 16_000 }]
    await db.transaction((tx) => addSpans(tx, { queue, transcription, ranges }))
    const [span] = await pipeline.spansOf(third)
    spanId = span?.id ?? ''
    first = lastOf(spanId)
  })
  afterAll(async () => {
    await pipeline?.tidy()
    await pipeline?.close()
  })

  const lastOf = (id: string) => {
    const job = made.splice(0).findLast((one) => one.id === id)
    if (!job) throw new Error('no job was made')
    return job.priority
  }

  test('is lower by two than that of the first', () => expect(first).toBe(-2))

  test('stays the same after an overload of the engine', async () => {
    const engine = scriptedEngine({
      answer() {
        throw new EngineOverloaded('full', { retryAfterSeconds: 1 })
      },
    })
    await pipeline.storage.write(pcmKey({ id: third, piece: 0 }), new Blob([new Uint8Array(32_000)]).stream())
    await createTranscribeSpan(pipeline.servicesOf({ queue, engine }))({ spanId }, forever)
    expect(lastOf(spanId)).toBe(first)
  })

  test('stays the same while no engine is available', async () => {
    const engine = { ...withFailover([scriptedEngine()]), available: async () => [] }
    await createTranscribeSpan(pipeline.servicesOf({ queue, engine }))({ spanId }, forever)
    expect(lastOf(spanId)).toBe(first)
  })

  test('stays the same for spans and for prepare after a restart', async () => {
    await recover({ db: pipeline.db, queue })
    const jobs = [...made]
    expect(lastOf(spanId)).toBe(first)
    expect(jobs.find(({ id }) => id === third)?.priority).toBe(first)
  })
})
