import type { Assignment, Report } from './reports.ts'

/** Idle Workers end after this time, so that their memory returns to the system. */
const IDLE_MS = 5 * 60_000

/** A Worker that decodes one file at a time. */
export type MediaWorker = {
  assign(assignment: Assignment): void
  /** Calls `onReport` and `onError` until the returned function is called. */
  listen(listener: { onReport: (report: Report) => void; onError: (message: string) => void }): () => void
  /** Kills the Worker. Resolves once it has ended. */
  end(): Promise<void>
  /** Resolves once the Worker has ended. */
  ended: Promise<void>
}

/**
 * Starts Workers, and keeps up to `maxIdle` of them for the next files: starting one and running its code for the
 * first time takes longer than the decoding of a short recording.
 */
export function createWorkerPool({ maxIdle, idleMs = IDLE_MS }: { maxIdle: number; idleMs?: number }) {
  const idle = new Map<MediaWorker, ReturnType<typeof setTimeout>>()
  let isClosed = false

  function remove(worker: MediaWorker): void {
    clearTimeout(idle.get(worker))
    idle.delete(worker)
  }

  function start(): MediaWorker {
    const worker = startWorker()
    void worker.ended.then(() => remove(worker))
    return worker
  }

  return {
    /** The Worker that was used last, whose memory is most likely to be in the processor's cache, or a new one. */
    take(): MediaWorker {
      const worker = [...idle.keys()].at(-1)
      if (!worker) return start()
      remove(worker)
      return worker
    },

    /** Keeps an intact Worker, or ends it if there are enough. */
    async giveBack(worker: MediaWorker): Promise<void> {
      if (isClosed || idle.size >= maxIdle) return worker.end()
      const timer = setTimeout(() => void worker.end(), idleMs)
      timer.unref()
      idle.set(worker, timer)
    },

    async close(): Promise<void> {
      isClosed = true
      await Promise.all([...idle.keys()].map((worker) => worker.end()))
    },
  }
}

export type WorkerPool = ReturnType<typeof createWorkerPool>

function startWorker(): MediaWorker {
  // An empty environment, so that the Worker has none of the service's secrets. Without `ref`, an idle Worker does
  // not keep the process alive; during a job the timer of its deadline does.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { env: {}, smol: true, ref: false })
  const ended = new Promise<void>((resolve) =>
    worker.addEventListener('close', () => resolve(), { once: true }),
  )
  const ready = new Promise<void>((resolve) => {
    worker.addEventListener('message', () => resolve(), { once: true })
  })
  return {
    ended,
    assign(assignment) {
      void ready.then(() => worker.postMessage(assignment))
    },
    listen({ onReport, onError }) {
      const onMessage = ({ data }: MessageEvent<Report>) => onReport(data)
      const onFailure = ({ message }: ErrorEvent) => onError(message)
      worker.addEventListener('message', onMessage)
      worker.addEventListener('error', onFailure)
      return () => {
        worker.removeEventListener('message', onMessage)
        worker.removeEventListener('error', onFailure)
      }
    },
    end() {
      worker.terminate()
      return ended
    },
  }
}
