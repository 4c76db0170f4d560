import { afterAll, beforeAll, expect, test } from 'bun:test'
import { wavOf } from '../src/media/wav.ts'
import { probeInspector } from '../src/transcriptions/intake/inspect.ts'
import { openEmbedded } from './support/databases.ts'
import { fixturePcm } from './support/pcm.ts'
import { openPipeline, type Pipeline } from './support/pipeline.ts'
import { scriptedEngine } from './support/scripted-engine.ts'

/**
 * Each statement costs processor time in the only process of an embedded installation, and a round trip to
 * Postgres otherwise. Raise this only with a reason.
 */
const MOST_FOR_A_CLIP = 15

const EXECUTE = 'E'.charCodeAt(0)
const SIMPLE_QUERY = 'Q'.charCodeAt(0)

let database: Awaited<ReturnType<typeof openEmbedded>>
let pipeline: Pipeline
let executed = 0

beforeAll(async () => {
  database = await openEmbedded()
  const { pglite } = database
  const execute = pglite.execProtocolRawSync.bind(pglite)
  pglite.execProtocolRawSync = (message) => {
    executed += countStatements(message)
    return execute(message)
  }
  pipeline = await openPipeline({ name: 'PGlite', open: async () => database })
})
afterAll(() => pipeline?.close())

/** Messages of Postgres's protocol: a type, and a length that does not include the type. */
function countStatements(message: Uint8Array): number {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  let count = 0
  for (let at = 0; at < message.length; at += 1 + view.getUint32(at + 1)) {
    if (message[at] === EXECUTE || message[at] === SIMPLE_QUERY) count += 1
  }
  return count
}

test(`a short clip takes at most ${MOST_FOR_A_CLIP} statements, from its upload to its text`, async () => {
  const queue = await pipeline.startWorker(scriptedEngine({ targetSpanSeconds: 30, maxSpanSeconds: 60 }))
  const clip = wavOf(await fixturePcm('speech.wav'))

  async function transcribe(): Promise<number> {
    const before = executed
    const id = await pipeline.upload(queue, clip, {}, { inspect: probeInspector(pipeline) })
    const { promise, resolve } = Promise.withResolvers<void>()
    database.changes.listenForEnd(id, resolve)
    await promise
    return executed - before
  }

  await transcribe()
  expect(await transcribe()).toBeLessThanOrEqual(MOST_FOR_A_CLIP)
})
