import type { EngineState } from '../engines/engine.ts'
import type { Engines } from '../engines/failover.ts'
import { NotReady } from '../errors.ts'
import type { Backlog, Queue } from '../queue/queue.ts'
import type { Storage } from '../storage/storage.ts'

export type Health = ReturnType<typeof createHealth>

/** Checks each component that transcribing needs, and explains its state to an operator in one sentence. */
export function createHealth({
  ping,
  storage,
  queue,
  engines,
}: {
  ping: () => Promise<void>
  storage: Pick<Storage, 'check'>
  /** Null for a process without a queue, whose jobs other processes run. */
  queue: Pick<Queue, 'backlogs'> | null
  engines: Pick<Engines, 'state'>
}) {
  return async () => {
    const [database, stored, queued] = await Promise.all([
      state(
        ping().then(() => 'The database answers'),
        'The database does not answer: check that it runs and that DATABASE_URL is correct',
      ),
      state(
        storage.check().then(() => 'The storage is readable and writable'),
        'The storage is unavailable: check the disk of DATA_DIR, or that the bucket of STORAGE_URL answers',
      ),
      queue
        ? state(
            queue.backlogs().then((backlogs) => waiting(backlogs.filter(({ name }) => SPANS.has(name)))),
            'The queue cannot be read',
          )
        : { ready: true, detail: 'Other processes run the queue' },
    ])
    const { ready, detail } = engines.state()
    const checks = { database, storage: stored, queue: queued, engine: { ready, detail } }
    return { ready: Object.values(checks).every((check) => check.ready), checks }
  }
}

async function state(detail: Promise<string>, failure: string): Promise<EngineState> {
  return detail.then(
    (detail) => ({ ready: true, detail }),
    (error) => ({ ready: false, detail: error instanceof NotReady ? error.message : failure }),
  )
}

/**
 * A long queue does not make the service unready: it is only reported, so that an operator can add workers.
 */
function waiting(spans: Backlog[]): string {
  const sum = (of: (backlog: Backlog) => number) => spans.reduce((sum, backlog) => sum + of(backlog), 0)
  const count = sum(({ waiting }) => waiting)
  if (count === 0) return 'No spans are waiting'
  const oldest = Math.max(...spans.map(({ oldestSeconds }) => oldestSeconds))
  const running = sum((backlog) => backlog.running)
  return `${count} spans are waiting, the oldest for ${Math.round(oldest)} s; engines are transcribing ${running}`
}

const SPANS = new Set<string>(['span', 'clip'])

/** The engines' state in a process that does not transcribe. */
export const ELSEWHERE = {
  state: () => ({ ready: true, detail: 'Other processes transcribe (MODE=worker)' }),
}
