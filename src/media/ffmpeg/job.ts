import { VerbatimError } from '../../errors.ts'
import type { PcmPiece } from '../media.ts'
import { outOfTime } from '../refusals.ts'
import { createPausableTimeout } from './pausable-timeout.ts'
import type { Assignment, Outcome, Report, Task } from './reports.ts'

/**
 * Runs one task in its own Worker. Returns the outcome once the Worker has ended, so that the caller may
 * close the task's descriptors. The Worker is killed after `timeoutMs`, or `pieceMs` after its last piece
 * (throws `corrupt`), if `take` throws, or if `signal` fires (throws its reason). The time during which
 * `take` runs does not count.
 */
export async function runJob(options: {
  module: WebAssembly.Module
  task: Task
  timeoutMs: number
  pieceMs?: number
  signal: AbortSignal
  take?: (piece: PcmPiece) => Promise<void>
}): Promise<Exclude<Outcome, { kind: 'refused' | 'crashed' }>> {
  const { module, task, timeoutMs, pieceMs = timeoutMs, signal, take } = options
  signal.throwIfAborted()
  // An empty environment, so that the Worker has none of the service's secrets.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { env: {}, smol: true })
  const closed = new Promise<void>((resolve) =>
    worker.addEventListener('close', () => resolve(), { once: true }),
  )
  const ended = Promise.withResolvers<Outcome>()
  const onAbort = () => ended.reject(signal.reason)
  const onTimeout = () => ended.reject(outOfTime())
  const timeout = createPausableTimeout(timeoutMs, onTimeout)
  let pieceTimeout = createPausableTimeout(pieceMs, onTimeout)
  const takenPieces = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let taking = Promise.resolve()
  let hasEnded = false

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
  worker.addEventListener('error', ({ message }) => ended.reject(new Error(`media worker: ${message}`)))
  void closed.then(async () => {
    // The Worker has reported its outcome, but the last piece is still being taken.
    await taking.catch(() => {})
    ended.reject(new Error('media worker: it ended without an outcome'))
  })
  worker.addEventListener('message', ({ data }: MessageEvent<Report>) => {
    if (data.kind === 'ready') worker.postMessage({ module, task, takenPieces } satisfies Assignment)
    else if (data.kind === 'piece') {
      taking = taking.then(() => takePiece(data.piece))
      taking.catch(ended.reject)
    } else taking.then(() => ended.resolve(data), ended.reject)
  })
  try {
    const outcome = await ended.promise
    if (outcome.kind === 'refused') throw new VerbatimError(outcome.code, outcome.message)
    if (outcome.kind === 'crashed') throw new Error(`media worker: ${outcome.message}`)
    return outcome
  } finally {
    hasEnded = true
    signal.removeEventListener('abort', onAbort)
    worker.terminate()
    await closed
    // Waits until `take` has returned. If it threw, its error is the outcome already.
    await taking.catch(() => {})
    timeout.clear()
    pieceTimeout.clear()
  }
}
