import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Database } from '../../src/db/database.ts'
import type { NewJob } from '../../src/queue/jobs.ts'
import { Postponed, type Queue } from '../../src/queue/queue.ts'

const NO_GRACE = 0
const AMPLE_GRACE = 20_000

/** A job of the queue `span`, identified by its name. */
const job = (spanId: string, options: Omit<NewJob<'span'>, 'data'> = {}) => ({ data: { spanId }, ...options })

/** The names of the jobs that handlers received, in order. `count` resolves when there are that many. */
function recorder() {
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

/** The contract of the queue port. `open` creates an empty database and opens any number of queues on it. */
export function queueContract(options: {
  name: string
  open: () => Promise<{
    db: Database
    openQueue: () => Promise<Queue>
    close: () => Promise<void>
  }>
}) {
  describe(`the queue port: ${options.name}`, () => {
    let environment: Awaited<ReturnType<typeof options.open>>
    let queue: Queue
    let opened: Queue[]
    beforeAll(async () => {
      environment = await options.open()
    })
    afterAll(() => environment?.close())
    beforeEach(async () => {
      opened = []
      queue = await openQueue()
      await queue.clear()
    })
    afterEach(async () => {
      for (const queue of opened) await queue.stop(AMPLE_GRACE)
    })

    async function openQueue() {
      const queue = await environment.openQueue()
      opened.push(queue)
      return queue
    }

    async function enqueue(...jobs: NewJob<'span'>[]) {
      await environment.db.transaction((tx) => queue.enqueue(tx, 'span', jobs))
    }

    test('a worker receives jobs that were enqueued before and after it started', async () => {
      const received = recorder()
      await enqueue(job('before'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => received.add(spanId))
      await received.count(1)
      await enqueue(job('after'))
      await received.count(2)
      expect(received.names).toEqual(['before', 'after'])
    })

    test('a handler learns since when its job was due', async () => {
      const [now, later] = [Promise.withResolvers<Date>(), Promise.withResolvers<Date>()]
      const from = Date.now()
      await enqueue(job('now'), job('later', { delaySeconds: 1 }))
      await Bun.sleep(100)
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, _, dueSince) => {
        const promise = spanId === 'now' ? now : later
        promise.resolve(dueSince)
      })
      // Test and database use the clock of one machine.
      const begun = Date.now()
      expect(Number(await now.promise)).toBeGreaterThanOrEqual(from - 1)
      expect(Number(await now.promise)).toBeLessThanOrEqual(begun - 100)
      expect(Number(await later.promise)).toBeGreaterThanOrEqual(from + 999)
    })

    test('backlogs count waiting and running jobs and the longest wait', async () => {
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
      const received = recorder()
      const release = Promise.withResolvers<void>()
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        received.add(spanId)
        await release.promise
      })
      await received.count(1)
      expect(await of('span')).toMatchObject({ waiting: 1, running: 1 })
      release.resolve()
      await received.count(2)
    })

    test('a worker of one queue receives no job of another', async () => {
      const received = recorder()
      await queue.work('prepare', { concurrency: 1 }, async (data) => received.add(JSON.stringify(data)))
      await enqueue(job('of another queue'))
      await environment.db.transaction((tx) =>
        queue.enqueue(tx, 'prepare', [{ data: { transcriptionId: 'one' } }]),
      )
      await received.count(1)
      expect(received.names).toEqual([JSON.stringify({ transcriptionId: 'one' })])
    })

    test('`perGroup` limits the running jobs of a group, while other jobs run', async () => {
      const received = recorder()
      const release = Promise.withResolvers<void>()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', ofA), job('a2', ofA))
      await queue.work('span', { concurrency: 5, perGroup: 2 }, async ({ spanId }) => {
        received.add(spanId)
        await release.promise
      })
      await received.count(2)
      await enqueue(job('a3', ofA), job('b1', { group: 'b' }), job('none'))
      await received.count(4)
      expect(received.names.toSorted()).toEqual(['a1', 'a2', 'b1', 'none'])
      release.resolve()
      await received.count(5)
      expect(received.names[4]).toBe('a3')
    })

    test('`perGroupHere` limits the jobs of a group in one process, while other jobs run', async () => {
      const received = recorder()
      const release = Promise.withResolvers<void>()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', ofA), job('a2', ofA), job('a3', ofA), job('b1', { group: 'b' }))
      await queue.work('span', { concurrency: 3, perGroupHere: 2 }, async ({ spanId }) => {
        received.add(spanId)
        await release.promise
      })
      await received.count(3)
      expect(received.names.toSorted()).toEqual(['a1', 'a2', 'b1'])
      const other = await openQueue()
      await other.work('span', { concurrency: 3, perGroupHere: 2 }, async ({ spanId }) =>
        received.add(spanId),
      )
      await received.count(4)
      expect(received.names[3]).toBe('a3')
      release.resolve()
    })

    test('a postponed job returns to the queue, and its group waits', async () => {
      const received = recorder()
      const ofA = { group: 'a', priority: 5 }
      await enqueue(job('a1', { group: 'a', priority: 6 }))
      await enqueue(job('a2', ofA), job('b1', { group: 'b' }), job('none'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        received.add(spanId)
        if (spanId === 'a1' && received.names.filter((name) => name === 'a1').length === 1) {
          throw new Postponed('not now', { seconds: 2 })
        }
      })
      await received.count(5)
      expect(received.names.slice(0, 3)).toEqual(['a1', 'b1', 'none'])
      expect(received.names.slice(3).toSorted()).toEqual(['a1', 'a2'])
    })

    test('a handler learns that a job of another group waits for its slot', async () => {
      const received = recorder()
      const answers: boolean[] = []
      const ask = Promise.withResolvers<void>()
      await enqueue(job('a1', { group: 'a', priority: 5 }), job('a2', { group: 'a' }))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, _signal, _dueSince, isSlotWanted) => {
        received.add(spanId)
        if (spanId !== 'a1') return
        answers.push(await isSlotWanted())
        await ask.promise
        answers.push(await isSlotWanted())
      })
      await received.count(1)
      while (answers.length === 0) await Bun.sleep(10)
      await enqueue(job('b1', { group: 'b' }))
      ask.resolve()
      await received.count(3)
      expect(answers).toEqual([false, true])
    })

    test('a job is visible after its transaction commits, and never after a rollback', async () => {
      const received = recorder()
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => received.add(spanId))
      const failure = new Error('something else went wrong')
      const rolledBack = environment.db.transaction(async (tx) => {
        await queue.enqueue(tx, 'span', [job('rolled back', { priority: 9 })])
        throw failure
      })
      expect(await rolledBack.catch((error: unknown) => error)).toBe(failure)
      let committed = false
      await environment.db.transaction(async (tx) => {
        await queue.enqueue(tx, 'span', [job('committed')])
        await Bun.sleep(50)
        expect(received.names).toEqual([])
        committed = true
      })
      expect(committed).toBe(true)
      await received.count(1)
      expect(received.names).toEqual(['committed'])
    })

    test('an empty list of jobs can be enqueued', async () => {
      await environment.db.transaction((tx) => queue.enqueue(tx, 'span', []))
    })

    test('jobs run by priority, then in the order of their creation', async () => {
      const received = recorder()
      await enqueue(job('first'))
      await enqueue(job('low', { priority: -2 }), job('high', { priority: 3 }))
      await enqueue(job('second'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => received.add(spanId))
      await received.count(4)
      expect(received.names).toEqual(['high', 'first', 'second', 'low'])
    })

    test('a delayed job runs after its delay', async () => {
      const received = recorder()
      const from = Date.now()
      await enqueue(job('later', { delaySeconds: 0.7, priority: 1 }))
      await enqueue(job('now'))
      let waited = 0
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        if (spanId === 'later') waited = Date.now() - from
        received.add(spanId)
      })
      await received.count(2)
      expect(received.names).toEqual(['now', 'later'])
      expect(waited).toBeGreaterThanOrEqual(700)
    })

    test('`concurrency` handlers run at a time, and no more', async () => {
      const received = recorder()
      const gates: (() => void)[] = []
      let running = 0
      let most = 0
      await enqueue(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => job(name)))
      await queue.work('span', { concurrency: 3 }, async ({ spanId }) => {
        running++
        most = Math.max(most, running)
        received.add(spanId)
        await new Promise<void>((resolve) => gates.push(resolve))
        running--
      })
      await received.count(3)
      await Bun.sleep(50)
      expect(received.names).toHaveLength(3)
      for (let done = 0; done < 6; done++) {
        while (gates.length === 0) await Bun.sleep(1)
        gates.shift()?.()
      }
      await received.count(6)
      expect(most).toBe(3)
      expect(received.names.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    })

    test('a worker runs many short jobs without polling pauses', async () => {
      const received = recorder()
      const names = Array.from({ length: 40 }, (_, index) => `${index}`)
      await enqueue(...names.map((name) => job(name)))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => received.add(spanId))
      await received.count(names.length)
      // With a polling pause of a second after each job, this would take twice the limit.
    }, 20_000)

    test('a job whose handler threw runs again, after other jobs', async () => {
      const received = recorder()
      await enqueue(job('shaky', { priority: 1 }), job('steady'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        received.add(spanId)
        if (received.names.filter((name) => name === 'shaky').length === 1 && spanId === 'shaky') {
          throw new Error('the engine failed')
        }
      })
      await received.count(3)
      expect(received.names).toEqual(['shaky', 'steady', 'shaky'])
    })

    test('`clear` deletes waiting, delayed and running jobs', async () => {
      const received = recorder()
      const hold = Promise.withResolvers<void>()
      await enqueue(job('running'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }) => {
        received.add(spanId)
        if (spanId !== 'running') return
        await hold.promise
        throw new Error('would run again')
      })
      await received.count(1)
      await enqueue(job('waiting'), job('delayed', { delaySeconds: 1 }))
      await queue.clear()
      hold.resolve()
      // Runs after all jobs that `clear` may have missed.
      await enqueue(job('last', { delaySeconds: 2, priority: -1 }))
      await received.count(2)
      expect(received.names).toEqual(['running', 'last'])
    })

    test('a stop waits for running handlers and starts no more', async () => {
      const received = recorder()
      const hold = Promise.withResolvers<void>()
      let aborted = false
      await enqueue(job('running'), job('waiting'))
      await queue.work('span', { concurrency: 1 }, async ({ spanId }, signal) => {
        received.add(spanId)
        await hold.promise
        aborted = signal.aborted
        received.add(`${spanId} is done`)
      })
      await received.count(1)
      const [ran] = received.names
      const stopping = queue.stop(AMPLE_GRACE)
      setTimeout(hold.resolve, 50)
      await stopping
      expect(received.names).toEqual([`${ran}`, `${ran} is done`])
      expect(aborted).toBe(false)

      const next = await openQueue()
      const later = recorder()
      await next.work('span', { concurrency: 1 }, async ({ spanId }) => later.add(spanId))
      await later.count(1)
      expect([ran, ...later.names].toSorted()).toEqual(['running', 'waiting'])
    })

    test('a stop aborts handlers after the grace period, and the next queue runs their jobs', async () => {
      const CONCURRENCY = 4
      const received = recorder()
      const names = Array.from({ length: 3 * CONCURRENCY }, (_, index) => `${index}`)
      await enqueue(...names.map((name) => job(name)))
      await queue.work('span', { concurrency: CONCURRENCY }, async ({ spanId }, signal) => {
        received.add(spanId)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      })
      await received.count(CONCURRENCY)
      await queue.stop(NO_GRACE)
      expect(received.names).toHaveLength(CONCURRENCY)

      const next = await openQueue()
      const later = recorder()
      await next.work('span', { concurrency: 1 }, async ({ spanId }) => later.add(spanId))
      await later.count(names.length)
      expect(later.names.toSorted()).toEqual(names.toSorted())
    })
  })
}
