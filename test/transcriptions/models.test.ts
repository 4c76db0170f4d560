import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { engineModels } from '../../src/db/schema.ts'
import type { EngineModel } from '../../src/engines/engine.ts'
import { withFailover } from '../../src/engines/failover.ts'
import { wavOf } from '../../src/media/wav.ts'
import { createModelCatalog } from '../../src/transcriptions/models/catalog.ts'
import { listReported } from '../../src/transcriptions/models/engine-models.store.ts'
import { startModelReports } from '../../src/transcriptions/models/report-models.ts'
import { databases } from '../support/databases.ts'
import { silence } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { scriptedEngine } from '../support/scripted-engine.ts'

const wav = wavOf(silence(2))
const BASE: EngineModel = {
  id: 'Systran/faster-whisper-base',
  aliases: ['base'],
  languages: ['en', 'de'],
  translates: true,
  words: true,
}
const TINY: EngineModel = { ...BASE, id: 'tiny.en', aliases: ['tiny'], languages: ['en'], translates: false }

describe.each(databases)('models on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(async () => {
    await pipeline.tidy()
    await pipeline.db.delete(engineModels)
  })
  afterAll(() => pipeline?.close())

  /** Reports the models of an engine as a worker does, until it is stopped. */
  async function reporting(...engines: Parameters<typeof withFailover>[0]) {
    const reports = startModelReports({ db: pipeline.db, engines: withFailover(engines), log: console.error })
    const count = engines.flatMap((engine) => engine.models()).length
    while ((await listReported(pipeline.db)).length < count) await Bun.sleep(20)
    return reports
  }

  test('the requested model reaches the engine, and a default one where it is run', async () => {
    const engine = scriptedEngine({ models: [BASE, TINY] })
    const reports = await reporting(engine)
    const queue = await pipeline.startWorker(engine, { defaultModel: 'tiny' })
    const ids = [await pipeline.upload(queue, wav, { model: 'Base' }), await pipeline.upload(queue, wav)]
    for (const id of ids) await pipeline.once(id, isFinished)
    expect(engine.calls.map(({ model }) => model).toSorted()).toEqual(['Base', 'tiny.en'])
    await reports.stop()
  })

  test('only an engine that runs the model gets the audio; without one the span waits', async () => {
    const models = [BASE]
    const hosted = { ...scriptedEngine({ models }), name: 'huggingface' as const }
    const sidecar = scriptedEngine({ models: [TINY] })
    const reports = await reporting(sidecar, hosted)
    const queue = await pipeline.startWorker(withFailover([sidecar, hosted]))
    const id = await pipeline.upload(queue, wav, { model: 'base' })
    expect(await pipeline.once(id, isFinished)).toMatchObject({ status: 'completed', model: 'base' })
    expect([sidecar.calls.length, hosted.calls.length]).toEqual([0, 1])

    const waiting = await pipeline.upload(queue, wav, { model: 'base', language: 'de' })
    models.pop()
    const [span] = await pipeline.spansOf(waiting)
    expect(span?.state ?? 'waiting').not.toBe('failed')
    models.push(BASE)
    expect(await pipeline.once(waiting, isFinished)).toMatchObject({ status: 'completed' })
    await reports.stop()
  })

  test('a report has all engines in order, and what none reports any more is gone', async () => {
    const openai = { ...scriptedEngine({ models: [{ ...BASE, id: 'whisper-1' }] }), name: 'openai' as const }
    const reports = await reporting(scriptedEngine({ models: [TINY, BASE] }), openai)
    expect((await listReported(pipeline.db)).map(({ engine, id }) => `${engine} ${id}`)).toEqual([
      'sidecar tiny.en',
      'sidecar Systran/faster-whisper-base',
      'openai whisper-1',
    ])
    await reports.stop()
    await pipeline.db.update(engineModels).set({ seenAt: sql`now() - interval '11 minutes'` })
    // Without a worker, the models that were reported last are still known.
    expect(await listReported(pipeline.db)).toHaveLength(3)
    await (await reporting(scriptedEngine({ models: [TINY] }))).stop()
    expect((await listReported(pipeline.db)).map(({ id }) => id)).toEqual(['tiny.en'])
  })

  test.each([
    [{ model: null }, null],
    [{ model: 'BASE', language: 'de' }, null],
    [{ model: 'tiny', language: 'auto' }, null],
    [{ model: 'base', task: 'translate', language: 'de' }, null],
    [
      { model: 'large-v3' },
      /"large-v3"; the models of this service are tiny\.en, Systran\/faster-whisper-base/,
    ],
    [{ model: 'base', engine: 'openai' }, /"base"; the models of this service are none/],
    [{ model: 'tiny', language: 'de' }, /language is "de"; the model tiny takes en/],
    [{ model: 'tiny.en', task: 'translate' }, /the model tiny\.en only transcribes/],
  ] as const)('%o is checked against what the engines run', async (request, problem) => {
    const reports = await reporting(scriptedEngine({ models: [TINY, BASE] }))
    const check = createModelCatalog(pipeline).check({
      ...{ engine: null, language: 'en', task: 'transcribe' },
      ...request,
    })
    if (problem === null) await check
    else expect(check).rejects.toMatchObject({ code: 'validation', message: expect.stringMatching(problem) })
    await check.catch(() => {})
    await reports.stop()
  })

  test('before any report, a model cannot be chosen yet', async () => {
    const check = createModelCatalog(pipeline).check({
      ...{ model: 'base', engine: null, language: 'en', task: 'transcribe' },
    })
    expect(check).rejects.toMatchObject({ code: 'engine_unavailable' })
    await check.catch(() => {})
  })
})
