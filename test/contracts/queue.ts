import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test'
import type { Database } from '../../src/db/database.ts'
import type { NewJob } from '../../src/queue/jobs.ts'
import { Postponed, type Queue } from '../../src/queue/queue.ts'

// Far more than is needed: a machine may have much else to do.
setDefaultTimeout(30_000)

const NO_GRACE = 0
const AMPLE_GRACE = 20_000

/** A job of the queue `span`, told apart by its name. */
const job = (spanId: string, options: Omit<NewJob<'span'>, 'data'> = {}) => ({ data: { spanId }, ...options })

/** What handlers were given, in order; `count` resolves once there are so many. */
function received() {
  const names: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  return {
    names,
    add(name: string) {
      names.push(name)
      for (const { count, resolve } of waiting) if (names.length >= count) resolve()
    },
    count(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (names.length >= count) resolve()
      waiting.push({ count, resolve })
      return promise
    },
  }
}

/** What every queue does. `open` gives an empty database of its own and opens queues on it, as many as are asked for. */
export function queueContract(options: {
  name: string
  open: () => Promise<{
    db: Database
    openQueue: () => Promise<Queue>
    close: () => Promise<void>
  }>
}) {
  describe(`the queue port: ${options.name}`, () => {
    let place: Awaited<ReturnType<typeof options.open>>
    let queue: Queue
    let opened: Queue[]
    beforeAll(async () => {
      place = await options.open()
    })
    afterAll(() => place?.close())
    beforeEach(async () => {
      opened = []
      queue = await openQueue()
      await queue.clear()
    })
    afterEach(async () => {
      for (const queue of opened) await queue.stop(AMPLE_GRACE)
    })

    async function openQueue() {
      const queue = await place.openQueue()
      opened.push(queue)
      return queue
    }

    async function enqueue(...jobs: NewJob<'span'>[]) {
      await place.db.transaction((tx) => queue.enqueue(tx, 'span', jobs))
    }

    test('gives a job to a worker that is there already, or comes later, with its data', async () => {
      const got = received()
      await enqueue(job('before'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => got.add(spanId))
      await got.count(1)
      await enqueue(job('after'))
      await got.count(2)
      expect(got.names).toEqual(['before', 'after'])
    })

    test('tells a handler since when its job could have been taken up', async () => {
      const [now, later] = [Promise.withResolvers<Date>(), Promise.withResolvers<Date>()]
      const from = Date.now()
      await enqueue(job('now'), job('later', { delaySeconds: 1 }))
      await Bun.sleep(100)
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, _, since) => {
        const given = spanId === 'now' ? now : later
        given.resolve(since)
      })
      // Both clocks are this machine's.
      const begun = Date.now()
      expect(Number(await now.promise)).toBeGreaterThanOrEqual(from - 1)
      expect(Number(await now.promise)).toBeLessThanOrEqual(begun - 100)
      expect(Number(await later.promise)).toBeGreaterThanOrEqual(from + 999)
    })

    test('tells what waits, and for how long, and what runs', async () => {
      const of = async (name: string) => (await queue.backlogs()).find((backlog) => backlog.name === name)
      expect(await queue.backlogs()).toContainEqual({
        name: 'span',
        waiting: 0,
        running: 0,
        oldestSeconds: 0,
      })
      await enqueue(job('one'), job('two'), job('later', { delaySeconds: 600 }))
      await Bun.sleep(20)
      expect(await of('span')).toMatchObject({ waiting: 2, running: 0 })
      expect((await of('span'))?.oldestSeconds).toBeGreaterThan(0.01)
      expect(await of('prepare')).toMatchObject({ waiting: 0, running: 0 })
      const got = received()
      const release = Promise.withResolvers<void>()
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        got.add(spanId)
        await release.promise
      })
      await got.count(1)
      expect(await of('span')).toMatchObject({ waiting: 1, running: 1 })
      release.resolve()
      await got.count(2)
    })

    test('keeps the queues apart', async () => {
      const got = received()
      await queue.work('prepare', { concurrency: 1 }, async (data) => got.add(JSON.stringify(data)))
      await enqueue(job('of another queue'))
      await place.db.transaction((tx) => queue.enqueue(tx, 'prepare', [{ data: { transcriptionId: 'one' } }]))
      await got.count(1)
      expect(got.names).toEqual([JSON.stringify({ transcriptionId: 'one' })])
    })

    test('works on no more jobs of a group at once than it may, and on others meanwhile', async () => {
      const got = received()
      const release = Promise.withResolvers<void>()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', ofA), job('a2', ofA))
      await queue.work('span', { concurrency: 5, perGroup: 2 }, async ({ spanId }) => {
        got.add(spanId)
        await release.promise
      })
      await got.count(2)
      await enqueue(job('a3', ofA), job('b1', { group: 'b' }), job('none'))
      await got.count(4)
      expect(got.names.toSorted()).toEqual(['a1', 'a2', 'b1', 'none'])
      release.resolve()
      await got.count(5)
      expect(got.names[4]).toBe('a3')
    })

    test('takes no more jobs of a group into one process than it may, and others meanwhile', async () => {
      const got = received()
      const release = Promise.withResolvers<void>()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', ofA), job('a2', ofA), job('a3', ofA), job('b1', { group: 'b' }))
      await queue.work('span', { concurrency: 3, perGroupHere: 2 }, async ({ spanId }) => {
        got.add(spanId)
        await release.promise
      })
      await got.count(3)
      expect(got.names.toSorted()).toEqual(['a1', 'a2', 'b1'])
      const other = await openQueue()
      await other.work('span', { concurrency: 3, perGroupHere: 2 }, async ({ spanId }) => got.add(spanId))
      await got.count(4)
      expect(got.names[3]).toBe('a3')
      release.resolve()
    })

    test('puts a job back whose handler postponed it, and lets its group rest', async () => {
      const got = received()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', { group: 'a', priority: 6 }))
      await enqueue(job('a2', ofA), job('b1', { group: 'b' }), job('none'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        got.add(spanId)
        if (spanId === 'a1' && got.names.filter((name) => name === 'a1').length === 1) {
          throw new Postponed('not now', { seconds: 2 })
        }
      })
      await got.count(5)
      expect(got.names.slice(0, 3)).toEqual(['a1', 'b1', 'none'])
      expect(got.names.slice(3).toSorted()).toEqual(['a1', 'a2'])
    })

    test('tells a handler that a job of another group waits for its slot', async () => {
      const got = received()
      const told: boolean[] = []
      const ask = Promise.withResolvers<void>()
      await enqueue(job('a1', { group: 'a', priority: 5 }), job('a2', { group: 'a' }))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, _signal, _since, isWanted) => {
        got.add(spanId)
        if (spanId !== 'a1') return
        told.push(await isWanted())
        await ask.promise
        told.push(await isWanted())
      })
      await got.count(1)
      while (told.length === 0) await Bun.sleep(10)
      await enqueue(job('b1', { group: 'b' }))
      ask.resolve()
      await got.count(3)
      expect(told).toEqual([false, true])
    })

    test('shows a job once its transaction commits, and never when it is rolled back', async () => {
      const got = received()
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => got.add(spanId))
      const failure = new Error('something else went wrong')
      const rolledBack = place.db.transaction(async (tx) => {
        await queue.enqueue(tx, 'span', [job('rolled back', { priority: 9 })])
        throw failure
      })
      expect(await rolledBack.catch((error: unknown) => error)).toBe(failure)
      let committed = false
      await place.db.transaction(async (tx) => {
        await queue.enqueue(tx, 'span', [job('committed')])
        await Bun.sleep(50)
        expect(got.names).toEqual([])
        committed = true
      })
      expect(committed).toBe(true)
      await got.count(1)
      expect(got.names).toEqual(['committed'])
    })

    test('takes no jobs as no work', async () => {
      await place.db.transaction((tx) => queue.enqueue(tx, 'span', []))
    })

    test('gives those of higher priority first, and equal ones as they came', async () => {
      const got = received()
      await enqueue(job('first'))
      await enqueue(job('low', { priority: -2 }), job('high', { priority: 3 }))
      await enqueue(job('second'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => got.add(spanId))
      await got.count(4)
      expect(got.names).toEqual(['high', 'first', 'second', 'low'])
    })

    test('keeps a job back for its delay', async () => {
      const got = received()
      const from = Date.now()
      await enqueue(job('later', { delaySeconds: 0.7, priority: 1 }))
      await enqueue(job('now'))
      let waited = 0
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        if (spanId === 'later') waited = Date.now() - from
        got.add(spanId)
      })
      await got.count(2)
      expect(got.names).toEqual(['now', 'later'])
      expect(waited).toBeGreaterThanOrEqual(700)
    })

    test('runs as many handlers at once as it is told, and no more', async () => {
      const got = received()
      const gates: (() => void)[] = []
      let running = 0
      let most = 0
      await enqueue(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => job(name)))
      await queue.work('span', { concurrency: 3 }, async ({ spanId }) => {
        running++
        most = Math.max(most, running)
        got.add(spanId)
        await new Promise<void>((resolve) => gates.push(resolve))
        running--
      })
      await got.count(3)
      await Bun.sleep(50)
      expect(got.names).toHaveLength(3)
      for (let done = 0; done < 6; done++) {
        while (gates.length === 0) await Bun.sleep(1)
        gates.shift()?.()
      }
      await got.count(6)
      expect(most).toBe(3)
      expect(got.names.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    })

    test('goes on to the next of many short jobs without a pause', async () => {
      const got = received()
      const names = Array.from({ length: 40 }, (_, index) => `${index}`)
      await enqueue(...names.map((name) => job(name)))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => got.add(spanId))
      await got.count(names.length)
      // The pause that a queue polls at is a second or so: with it this would take twice the limit.
    }, 20_000)

    test('gives a job again whose handler threw, and lets others pass meanwhile', async () => {
      const got = received()
      await enqueue(job('shaky', { priority: 1 }), job('steady'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        got.add(spanId)
        if (got.names.filter((name) => name === 'shaky').length === 1 && spanId === 'shaky') {
          throw new Error('the engine broke off')
        }
      })
      await got.count(3)
      expect(got.names).toEqual(['shaky', 'steady', 'shaky'])
    })

    test('drops every job when it is cleared, delayed and running ones too', async () => {
      const got = received()
      const hold = Promise.withResolvers<void>()
      await enqueue(job('running'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        got.add(spanId)
        if (spanId !== 'running') return
        await hold.promise
        throw new Error('would come back')
      })
      await got.count(1)
      await enqueue(job('waiting'), job('delayed', { delaySeconds: 1 }))
      await queue.clear()
      hold.resolve()
      // Comes after all that would come, had it not been dropped.
      await enqueue(job('last', { delaySeconds: 2, priority: -1 }))
      await got.count(2)
      expect(got.names).toEqual(['running', 'last'])
    })

    test('waits for a handler that runs when it stops, and gives it nothing more', async () => {
      const got = received()
      const hold = Promise.withResolvers<void>()
      let aborted = false
      await enqueue(job('running'), job('waiting'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, signal) => {
        got.add(spanId)
        await hold.promise
        aborted = signal.aborted
        got.add(`${spanId} is done`)
      })
      await got.count(1)
      const [ran] = got.names
      const stopping = queue.stop(AMPLE_GRACE)
      setTimeout(hold.resolve, 50)
      await stopping
      expect(got.names).toEqual([`${ran}`, `${ran} is done`])
      expect(aborted).toBe(false)

      const next = await openQueue()
      const later = received()
      await next.work('span', { concurrency: 1 }, async ({ spanId }) => later.add(spanId))
      await later.count(1)
      expect([ran, ...later.names].toSorted()).toEqual(['running', 'waiting'])
    })

    test('aborts handlers that run over when it stops; the next queue gets their jobs again', async () => {
      const CONCURRENCY = 4
      const got = received()
      const names = Array.from({ length: 3 * CONCURRENCY }, (_, index) => `${index}`)
      await enqueue(...names.map((name) => job(name)))
      await queue.work('span', { concurrency: CONCURRENCY }, async ({ spanId }, signal) => {
        got.add(spanId)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      })
      await got.count(CONCURRENCY)
      await queue.stop(NO_GRACE)
      expect(got.names).toHaveLength(CONCURRENCY)

      const next = await openQueue()
      const later = received()
      await next.work('span', { concurrency: 1 }, async ({ spanId }) => later.add(spanId))
      await later.count(names.length)
      expect(later.names.toSorted()).toEqual(names.toSorted())
    })
  })
}
