import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { deliveries, webhooks } from '../../src/db/schema.ts'
import { BYTES_PER_SECOND, type Media, SAMPLE_RATE } from '../../src/media/media.ts'
import { wavOf } from '../../src/media/wav.ts'
import { guardedOutbound } from '../../src/outbound/guarded.ts'
import { parseNetwork } from '../../src/outbound/networks.ts'
import { startRelay } from '../../src/webhooks/relay.ts'
import { startWorker } from '../../src/worker.ts'
import { clientOf, textAt } from '../support/api-client.ts'
import { startService } from '../support/api-service.ts'
import { databases } from '../support/databases.ts'
import { fixturePcm } from '../support/pcm.ts'
import { isFinished, openPipeline, type Pipeline } from '../support/pipeline.ts'
import { insertAnyUser } from '../support/rows.ts'
import { namingSamples, scriptedEngine, untilAborted } from '../support/scripted-engine.ts'
import { openReceiver } from '../support/webhook-receiver.ts'
import { silentFlac } from './silent-flac.ts'

const TEN_HOURS = 36_000
const MAX_SECONDS = 100_000
const AHEAD_SECONDS = 600

const speech = await fixturePcm('speech.wav')
const clip = wavOf(speech.slice(0, 3 * BYTES_PER_SECOND))
const loopback = [parseNetwork('127.0.0.1')].filter((network) => network !== undefined)

describe.each(databases)('fairness between users on $name', (kind) => {
  let pipeline: Pipeline
  beforeAll(async () => {
    pipeline = await openPipeline(kind)
  })
  afterEach(() => pipeline?.tidy())
  afterAll(() => pipeline?.close())

  const user = () => insertAnyUser(pipeline.db)

  /** The real decoder, except that decoding of recordings longer than a clip never ends. */
  function endlessMedia(): { media: Media; decoding: Set<string> } {
    const decoding = new Set<string>()
    const { media } = pipeline
    return {
      decoding,
      media: {
        ...media,
        async decode(options) {
          const { claimedSeconds } = await media.probe(options.path)
          if ((claimedSeconds ?? 0) < 60) return media.decode(options)
          decoding.add(options.path)
          const { promise, reject } = Promise.withResolvers<never>()
          options.signal?.addEventListener('abort', () => reject(options.signal?.reason))
          if (options.signal?.aborted) throw options.signal.reason
          return promise
        },
      },
    }
  }

  test('a 3 s clip overtakes the many clips of a user with two 10-hour recordings', async () => {
    const greedy = await user()
    const { media, decoding } = endlessMedia()
    const engine = scriptedEngine({ targetSpanSeconds: 30, maxSpanSeconds: 60 })
    const queue = await pipeline.openQueue()
    const recording = silentFlac({ seconds: TEN_HOURS })
    for (let count = 0; count < 2; count++) {
      await pipeline.upload(queue, recording, {}, { by: greedy, maxAudioSeconds: MAX_SECONDS })
    }
    const many: string[] = []
    for (let count = 0; count < 8; count++) {
      many.push(await pipeline.upload(queue, clip, {}, { by: greedy }))
    }
    const own = await pipeline.upload(queue, clip, {}, { by: await user() })
    await startWorker({ ...pipeline.servicesOf({ queue, engine }), media })
    await pipeline.once(own, isFinished)
    while (decoding.size === 0) await Bun.sleep(10)
    const completed = []
    for (const id of [...many, own]) {
      completed.push({ id, at: (await pipeline.once(id, isFinished)).completedAt })
    }
    const order = completed.toSorted((a, b) => Number(a.at) - Number(b.at)).map(({ id }) => id)
    // Two clips of the greedy user may have started before it, and two may run beside it.
    expect(order.indexOf(own)).toBeLessThanOrEqual(4)
  })

  test('a clip without a length in its header does not wait for long recordings', async () => {
    const { media } = endlessMedia()
    const engine = scriptedEngine({ targetSpanSeconds: 30, maxSpanSeconds: 60 })
    const queue = await pipeline.openQueue()
    for (let count = 0; count < 5; count++) {
      const recording = silentFlac({ seconds: TEN_HOURS })
      await pipeline.upload(queue, recording, {}, { by: await user(), maxAudioSeconds: MAX_SECONDS })
    }
    const unknown = silentFlac({ seconds: 3, claimedSeconds: null })
    const own = await pipeline.upload(queue, unknown, {}, { by: await user() })
    await startWorker({ ...pipeline.servicesOf({ queue, engine }), media })
    expect((await pipeline.once(own, isFinished)).status).toBe('completed')
  })

  test('a long recording that claims to be a clip moves to the queue of long recordings after its first piece', async () => {
    const lanes: boolean[] = []
    const { media } = pipeline
    const watched: Media = {
      ...media,
      decode(options) {
        lanes.push(options.isShort ?? false)
        return media.decode(options)
      },
    }
    const queue = await pipeline.startWorker(
      scriptedEngine({ targetSpanSeconds: 60, maxSpanSeconds: 120, concurrency: 2 }),
      { media: watched },
    )
    const lie = silentFlac({ seconds: 800, claimedSeconds: 3 })
    const id = await pipeline.upload(queue, lie)
    expect((await pipeline.once(id, isFinished)).status).toBe('completed')
    expect(lanes).toEqual([true, false])
    const spans = await pipeline.spansOf(id)
    expect(spans.every(({ attempt }) => attempt === 1)).toBe(true)
  })

  test('recordings that wait for engines yield their decoder slots to other users, and all are completed', async () => {
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
    const engine = scriptedEngine({
      ...{ targetSpanSeconds: 60, maxSpanSeconds: 120, concurrency: 4 },
      async answer(span) {
        await Promise.race([mayAnswer, untilAborted(span)])
        return namingSamples(span.pcm)
      },
    })
    const queue = await pipeline.startWorker(engine, { decodeAheadSeconds: AHEAD_SECONDS })
    const ids: string[] = []
    // One more user than decoder slots.
    for (let count = 0; count < 5; count++) {
      ids.push(await pipeline.upload(queue, silentFlac({ seconds: 1190 }), {}, { by: await user() }))
    }
    for (const id of ids) {
      const { decodedSamples } = await pipeline.once(id, ({ decodedSamples }) => decodedSamples > 0)
      expect(decodedSamples).toBeLessThanOrEqual(AHEAD_SECONDS * SAMPLE_RATE)
    }
    answer()
    for (const id of ids) {
      expect((await pipeline.once(id, isFinished)).status).toBe('completed')
      const spans = await pipeline.spansOf(id)
      const bounds = spans.flatMap(({ startSample, endSample }) => [startSample, endSample])
      expect(bounds.slice(1, -1).every((bound, at) => at % 2 === 1 || bound === bounds[at + 2])).toBe(true)
    }
  })

  describe('webhooks', () => {
    const receiver = openReceiver()
    const silent = openReceiver()
    afterAll(async () => {
      await receiver.close()
      await silent.close()
    })

    async function webhook(userId: string, url: string): Promise<string> {
      const row = { userId, url, secret: `whsec_${btoa('a secret')}`, events: [] }
      const [inserted] = await pipeline.db.insert(webhooks).values(row).returning({ id: webhooks.id })
      return inserted?.id ?? ''
    }

    test('unresponsive hosts of one user hold ten slots, and a message of another user is delivered', async () => {
      const { promise: never, resolve: end } = Promise.withResolvers<Response>()
      silent.answer(() => never)
      const greedy = await user()
      const slow: string[] = []
      for (let count = 0; count < 10; count++) slow.push(await webhook(greedy, silent.url))
      const tests = slow.flatMap((webhookId) =>
        Array.from({ length: 10 }, () => ({ webhookId, event: 'webhook.test' as const })),
      )
      await pipeline.db.insert(deliveries).values(tests)
      const queue = await pipeline.openQueue()
      const services = pipeline.servicesOf({ queue, engine: scriptedEngine() })
      await startWorker({ ...services, outbound: guardedOutbound({ allow: loopback }) })
      const { db, listen } = pipeline
      const relay = await startRelay({ db, queue, listen, log: () => {} })
      try {
        await silent.count(10)
        const webhookId = await webhook(await user(), receiver.url)
        await pipeline.db.insert(deliveries).values({ webhookId, event: 'webhook.test' })
        await receiver.count(1)
        expect(silent.messages.length).toBe(10)
      } finally {
        end(new Response(null, { status: 204 }))
        await relay.stop()
      }
    })
  })
})

describe.each(databases)('test and replayed messages of a user on $name', (kind) => {
  test('are limited to 30 a minute across all webhooks', async () => {
    const service = await startService({ kind })
    try {
      const anyone = clientOf(service.url)
      const register = async () => {
        const client = anyone.as(await anyone.newToken())
        const created = await client.post('/api/webhooks', { url: 'http://127.0.0.1:9/' })
        const path = `/api/webhooks/${textAt(created.body, 'id')}`
        return {
          test: () => client.post(`${path}/test`, {}),
          replay: (id: string) => client.post(`${path}/deliveries/${id}/replay`, {}),
        }
      }
      const [ada, eve] = [await register(), await register()]
      const id = textAt((await ada.test()).body, 'id')
      const answers = await Promise.all(Array.from({ length: 20 }, () => [ada.test(), ada.replay(id)]).flat())
      const statuses = answers.map(({ status }) => status).sort()
      expect(statuses).toEqual([...Array<number>(29).fill(202), ...Array<number>(11).fill(429)])
      const refused = answers.find(({ status }) => status === 429)
      expect(refused).toMatchObject({ body: { code: 'rate_limited' } })
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await eve.test()).status).toBe(202)
    } finally {
      await service.close()
    }
  })
})
