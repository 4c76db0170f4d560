import { VerbatimError } from '../../errors.ts'
import type { PcmPiece } from '../media.ts'
import { outOfTime } from '../refusals.ts'
import { createDeadline } from './deadline.ts'
import type { Assignment, Outcome, Report, Task } from './reports.ts'

/**
 * Does one task in a Worker of its own and gives its outcome once the Worker is gone, so the caller may then close
 * the task's descriptors. The Worker is killed when it has had `timeoutMs`, or `pieceMs` since its last piece (throws `corrupt`),
 * `take` throws, or `signal` fires (throws its reason). Time counts while no piece is being taken.
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
  // An empty environment: nothing in there needs the service's secrets.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { env: {}, smol: true })
  const closed = new Promise<void>((resolve) =>
    worker.addEventListener('close', () => resolve(), { once: true }),
  )
  const ended = Promise.withResolvers<Outcome>()
  const onAbort = () => ended.reject(signal.reason)
  const outlive = () => ended.reject(outOfTime())
  const deadline = createDeadline(timeoutMs, outlive)
  let pieceDeadline = createDeadline(pieceMs, outlive)
  const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let taking = Promise.resolve()
  let isOver = false

  async function takeOne(piece: PcmPiece) {
    if (isOver) return
    deadline.hold()
    pieceDeadline.clear()
    await take?.(piece)
    if (isOver) return
    deadline.resume()
    pieceDeadline = createDeadline(pieceMs, outlive)
    Atomics.add(taken, 0, 1)
    Atomics.notify(taken, 0)
  }

  signal.addEventListener('abort', onAbort, { once: true })
  worker.addEventListener('error', ({ message }) => ended.reject(new Error(`media worker: ${message}`)))
  void closed.then(async () => {
    // Its answer came before, but waits for the last piece to be taken.
    await taking.catch(() => {})
    ended.reject(new Error('media worker: it ended without an answer'))
  })
  worker.addEventListener('message', ({ data }: MessageEvent<Report>) => {
    if (data.kind === 'ready') worker.postMessage({ module, task, taken } satisfies Assignment)
    else if (data.kind === 'piece') {
      taking = taking.then(() => takeOne(data.piece))
      taking.catch(ended.reject)
    } else taking.then(() => ended.resolve(data), ended.reject)
  })
  try {
    const outcome = await ended.promise
    if (outcome.kind === 'refused') throw new VerbatimError(outcome.code, outcome.message)
    if (outcome.kind === 'crashed') throw new Error(`media worker: ${outcome.message}`)
    return outcome
  } finally {
    isOver = true
    signal.removeEventListener('abort', onAbort)
    worker.terminate()
    await closed
    // What is being taken is not left behind; its error is the outcome already.
    await taking.catch(() => {})
    deadline.clear()
    pieceDeadline.clear()
  }
}
