import { VerbatimError } from '../../errors.ts'
import type { PcmPiece } from '../media.ts'
import { outOfTime } from '../refusals.ts'
import { createPausableTimeout } from './pausable-timeout.ts'
import type { Outcome, Report, Task } from './reports.ts'
import type { WorkerPool } from './worker-pool.ts'

/**
 * Runs one task in a Worker that runs no other meanwhile. Returns the outcome once the Worker has finished or
 * ended, so that the caller may close the task's descriptors. The Worker is killed after `timeoutMs`, or `pieceMs`
 * after its last piece (throws `corrupt`), if `take` throws, or if `signal` fires (throws its reason). The time
 * during which `take` runs does not count. A Worker that has not succeeded gets no other file.
 */
export async function runJob(options: {
  pool: WorkerPool
  module: WebAssembly.Module
  task: Task
  timeoutMs: number
  pieceMs?: number
  signal: AbortSignal
  take?: (piece: PcmPiece) => Promise<void>
}): Promise<Exclude<Outcome, { kind: 'refused' | 'crashed' }>> {
  const { pool, module, task, timeoutMs, pieceMs = timeoutMs, signal, take } = options
  signal.throwIfAborted()
  const worker = pool.take()
  const ended = Promise.withResolvers<Outcome>()
  const onAbort = () => ended.reject(signal.reason)
  const onTimeout = () => ended.reject(outOfTime())
  const timeout = createPausableTimeout(timeoutMs, onTimeout)
  let pieceTimeout = createPausableTimeout(pieceMs, onTimeout)
  const takenPieces = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let taking = Promise.resolve()
  let hasEnded = false
  let isReusable = false

  async function takePiece(piece: PcmPiece) {
    if (hasEnded) return
    timeout.pause()
    pieceTimeout.clear()
    await take?.(piece)
    if (hasEnded) return
    timeout.resume()
    pieceTimeout = createPausableTimeout(pieceMs, onTimeout)
    Atomics.add(takenPieces, 0, 1)
    Atomics.notify(takenPieces, 0)
  }

  signal.addEventListener('abort', onAbort, { once: true })
  void worker.ended.then(async () => {
    // The Worker has reported its outcome, but the last piece is still being taken.
    await taking.catch(() => {})
    ended.reject(new Error('media worker: it ended without an outcome'))
  })
  function onReport(report: Report) {
    if (report.kind === 'piece') {
      taking = taking.then(() => takePiece(report.piece))
      taking.catch(ended.reject)
    } else if (report.kind === 'finished') {
      const { outcome } = report
      isReusable = report.isReusable
      taking.then(() => ended.resolve(outcome), ended.reject)
    }
  }
  const stopListening = worker.listen({
    onReport,
    onError: (message) => ended.reject(new Error(`media worker: ${message}`)),
  })
  worker.assign({ module, task, takenPieces })
  try {
    const outcome = await ended.promise
    if (outcome.kind === 'refused') throw new VerbatimError(outcome.code, outcome.message)
    if (outcome.kind === 'crashed') throw new Error(`media worker: ${outcome.message}`)
    return outcome
  } finally {
    hasEnded = true
    signal.removeEventListener('abort', onAbort)
    stopListening()
    await (isReusable ? pool.giveBack(worker) : worker.end())
    // Waits until `take` has returned. If it threw, its error is the outcome already.
    await taking.catch(() => {})
    timeout.clear()
    pieceTimeout.clear()
  }
}
