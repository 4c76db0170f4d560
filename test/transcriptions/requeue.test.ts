import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { updateUser } from '../../src/admin/admin.store.ts'
import { argon2id } from '../../src/auth/argon2id.ts'
import { createAuthService } from '../../src/auth/auth.service.ts'
import { VerbatimError } from '../../src/errors.ts'
import { wavOf } from '../../src/media/wav.ts'
import { noTraces } from '../../src/traces/traces.ts'
import { recoverJobs as recover } from '../../src/transcriptions/pipeline/recover-jobs.ts'
import { createRequeue } from '../../src/transcriptions/pipeline/requeue.ts'
import { FOLDER, folderOf } from '../../src/transcriptions/storage-keys.ts'
import {
  cancelOwned,
  findTranscription,
  transcriptionsOf,
} from '../../src/transcriptions/transcriptions.store.ts'
import { keysBelow } from '../contracts/storage.ts'
import { databases } from '../support/databases.ts'
import { fixturePcm } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline, repeatedSpeech, textOf } from '../support/pipeline.ts'
import { insertAnyUser } from '../support/rows.ts'
import { namingSamples, scriptedEngine, untilAborted } from '../support/scripted-engine.ts'

const long = await repeatedSpeech(3)
const longWav = wavOf(long)
const shortWav = wavOf(await fixturePcm('speech.wav'))

describe.each(databases)('requeue on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  async function expectWhole(id: string) {
    const row = await pipeline.once(id, isFinished)
    expect(row).toMatchObject({ status: 'completed', errorCode: null, errorMessage: null })
    expect(row.doneSamples).toBe(row.workSamples ?? 0)
    expect(row.text).toBe(textOf(long, await pipeline.spansOf(id)))
  }

  test('a failed transcription resumes after its finished spans', async () => {
    let isCured = false
    const engine = scriptedEngine({
      answer({ pcm }, call) {
        if (call > 1 && !isCured) throw new VerbatimError('engine_rejected', 'No more of this')
        return namingSamples(pcm)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, longWav)
    expect((await pipeline.once(id, isFinished)).status).toBe('failed')
    isCured = true
    const before = engine.calls.length
    expect(await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)).toBe(
      'processing',
    )
    await expectWhole(id)
    const spans = await pipeline.spansOf(id)
    expect(engine.calls.length - before).toBe(spans.length - 2)
  })

  test('a canceled transcription resumes, and a span that finished meanwhile counts', async () => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const engine = scriptedEngine({
      async answer({ pcm }) {
        begin()
        await mayEnd
        return namingSamples(pcm)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const id = await pipeline.upload(queue, longWav)
    await begun
    await cancelOwned(pipeline.db, { id, userId: pipeline.userId })
    end()
    const answer = await createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })(id)
    expect(['queued', 'processing']).toContain(answer)
    await expectWhole(id)
  })

  test('a transcription whose jobs are lost gets new jobs', async () => {
    const idle = await pipeline.openQueue()
    const id = await pipeline.upload(idle, longWav)
    await idle.clear()
    expect(await createRequeue({ db: pipeline.db, queue: idle, traces: noTraces, log: () => {} })(id)).toBe(
      'queued',
    )
    await pipeline.startWorker(scriptedEngine())
    await expectWhole(id)
  })

  test('a completed and an unknown transcription are refused', async () => {
    const queue = await pipeline.startWorker(scriptedEngine())
    const requeue = createRequeue({ db: pipeline.db, queue, traces: noTraces, log: () => {} })
    const id = await pipeline.upload(queue, shortWav)
    await pipeline.once(id, isFinished)
    const refusal = (id: string) => requeue(id).catch((error) => error.code)
    expect(await refusal(id)).toBe('already_over')
    expect(await refusal(crypto.randomUUID())).toBe('not_found')
    expect(await refusal('1')).toBe('not_found')
  })

  test.each([
    ['as it was uploaded', false],
    ['after a new start', true],
  ])('who has a higher priority goes first, %s', async (_, isRestarted) => {
    const { db } = pipeline
    const idle = await pipeline.openQueue()
    const people = { low: -5, usual: 0, high: 5 }
    const uploads: { id: string; by: string; name: string }[] = []
    for (const [name, priority] of Object.entries(people)) {
      const by = await insertAnyUser(db)
      await updateUser(db, { id: by, priority })
      // The user's second file ranks after the first, and before all files of lower priority.
      for (const place of [1, 2]) {
        uploads.push({ id: await pipeline.upload(idle, shortWav, {}, { by }), by, name: `${name} ${place}` })
      }
    }
    const names = new Map(uploads.map(({ id, name }) => [id, name]))
    if (isRestarted) await recover({ db, queue: idle })
    const prepared: string[] = []
    await idle.work('prepare', { concurrency: 1 }, async ({ transcriptionId }) => {
      prepared.push(names.get(transcriptionId) ?? transcriptionId)
    })
    while (prepared.length < names.size) await Bun.sleep(20)
    const order = ['high 1', 'high 2', 'usual 1', 'usual 2', 'low 1', 'low 2']
    expect(prepared.filter((name) => order.includes(name))).toEqual(order)
    for (const { id, by } of uploads) await cancelOwned(db, { id, userId: by })
  })

  test('spans too, also those that are asked again', async () => {
    const { db } = pipeline
    const by = await insertAnyUser(db)
    await updateUser(db, { id: by, priority: 1 })
    const { promise: mayGo, resolve: go } = Promise.withResolvers<void>()
    const order: string[] = []
    const engine = scriptedEngine({
      async answer({ pcm, language }) {
        await mayGo
        order.push(language)
        return namingSamples(pcm)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const usual = await pipeline.upload(queue, longWav, { language: 'de' })
    await pipeline.once(usual, ({ totalSamples }) => totalSamples !== null)
    const high = await pipeline.upload(queue, longWav, { language: 'fr' }, { by })
    await pipeline.once(high, ({ totalSamples }) => totalSamples !== null)
    go()
    await pipeline.once(usual, isFinished)
    const spans = (await pipeline.spansOf(high)).length
    // One was in progress when the others arrived.
    expect(order.slice(1, spans + 1)).toEqual(Array(spans).fill('fr'))
  })

  test('deletion of an account stops its work and leaves no file', async () => {
    const { db, storage } = pipeline
    const stopped = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const engine = scriptedEngine({
      async answer(span) {
        begun.resolve()
        return untilAborted(span).finally(stopped.resolve)
      },
    })
    const queue = await pipeline.startWorker(engine)
    const removeFiles = async ({ transcriptions }: { transcriptions: string[] }) => {
      for (const id of transcriptions) await storage.remove(folderOf(id))
    }
    const auth = createAuthService({
      ...{ db, passwords: argon2id, registration: 'open', limits: null, removeFiles },
      ownedIds: async (tx, userId) => ({ transcriptions: await transcriptionsOf(tx, userId), uploads: [] }),
      refreshChain: async () => ['unused'],
      accessTokens: { sign: async ({ sub }) => sub },
      clearCallerCache: () => {},
    })
    const password = 'correct horse battery'
    const { accessToken: userId } = await auth.register({
      email: 'gone@example.com',
      password,
      address: null,
    })
    const id = await pipeline.upload(queue, longWav, {}, { by: userId })
    await begun.promise
    await auth.remove({ userId, sessionId: null, password })
    await stopped.promise
    expect(await findTranscription(db, id)).toBeNull()
    while ((await keysBelow(storage, folderOf(id))).length > 0) await Bun.sleep(20)
    expect((await keysBelow(storage, FOLDER)).filter((key) => key.includes(id))).toEqual([])
  })
})
