import type { EngineState } from '../engines/engine.ts'
import type { Engines } from '../engines/failover.ts'
import { NotReady } from '../errors.ts'
import type { Backlog, Queue } from '../queue/queue.ts'
import type { Storage } from '../storage/storage.ts'

export type Health = ReturnType<typeof createHealth>

/** What the service needs to transcribe, each with a sentence for an operator. */
export function createHealth({
  ping,
  storage,
  queue,
  engines,
}: {
  ping: () => Promise<void>
  storage: Pick<Storage, 'check'>
  /** Null for a process that has none, and leaves its jobs to others. */
  queue: Pick<Queue, 'backlogs'> | null
  engines: Pick<Engines, 'state'>
}) {
  return async () => {
    const [database, stored, queued] = await Promise.all([
      state(
        ping().then(() => 'The database answers'),
        'The database does not answer: check that it runs and DATABASE_URL is right',
      ),
      state(
        storage.check().then(() => 'The storage can be read and written'),
        'The storage cannot be used: check the disk of DATA_DIR, or that the bucket of STORAGE_URL answers',
      ),
      queue
        ? state(
            queue.backlogs().then((backlogs) => waiting(backlogs.filter(({ name }) => SPANS.has(name)))),
            'The queue cannot be read',
          )
        : { ready: true, detail: 'Other processes have the queue' },
    ])
    const { ready, detail } = engines.state()
    const checks = { database, storage: stored, queue: queued, engine: { ready, detail } }
    return { ready: Object.values(checks).every((check) => check.ready), checks }
  }
}

async function state(detail: Promise<string>, otherwise: string): Promise<EngineState> {
  return detail.then(
    (detail) => ({ ready: true, detail }),
    (error) => ({ ready: false, detail: error instanceof NotReady ? error.message : otherwise }),
  )
}

/** A long queue is no reason to take no more: it is told, and left to whoever scales. */
function waiting(spans: Backlog[]): string {
  const sum = (of: (backlog: Backlog) => number) => spans.reduce((sum, backlog) => sum + of(backlog), 0)
  const count = sum(({ waiting }) => waiting)
  if (count === 0) return 'No span waits'
  const oldest = Math.max(...spans.map(({ oldestSeconds }) => oldestSeconds))
  return `${count} spans wait, the longest for ${Math.round(oldest)} s; engines are at ${sum(({ running }) => running)}`
}

const SPANS = new Set<string>(['span', 'clip'])

/** The state of engines for a process that does not transcribe. */
export const ELSEWHERE = {
  state: () => ({ ready: true, detail: 'Other processes transcribe (MODE=worker).' }),
}
