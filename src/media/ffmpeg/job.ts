import { VerbatimError } from '../../errors.ts'
import { outOfTime } from './refusals.ts'
import type { Assignment, Outcome, Report, Task } from './reports.ts'

/**
 * Does one task in a Worker of its own and gives its outcome once the Worker is gone, so the caller may then close
 * the task's descriptors. The Worker is killed when `timeoutMs` is over (throws `corrupt`) or `signal` fires (throws its reason).
 */
export async function runJob(options: {
  module: WebAssembly.Module
  task: Task
  timeoutMs: number
  signal: AbortSignal
  onProgress?: ((seconds: number) => void) | undefined
}): Promise<Exclude<Outcome, { kind: 'refused' | 'crashed' }>> {
  const { module, task, timeoutMs, signal, onProgress } = options
  signal.throwIfAborted()
  // An empty environment: nothing in there needs the service's secrets.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { env: {}, smol: true })
  const closed = new Promise<void>((resolve) =>
    worker.addEventListener('close', () => resolve(), { once: true }),
  )
  const ended = Promise.withResolvers<Outcome>()
  const onAbort = () => ended.reject(signal.reason)
  const deadline = setTimeout(() => ended.reject(outOfTime()), timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  worker.addEventListener('error', ({ message }) => ended.reject(new Error(`media worker: ${message}`)))
  void closed.then(() => ended.reject(new Error('media worker: it ended without an answer')))
  worker.addEventListener('message', ({ data }: MessageEvent<Report>) => {
    if (data.kind === 'ready') worker.postMessage({ module, task } satisfies Assignment)
    else if (data.kind === 'progress') onProgress?.(data.seconds)
    else ended.resolve(data)
  })
  try {
    const outcome = await ended.promise
    if (outcome.kind === 'refused') throw new VerbatimError(outcome.code, outcome.message)
    if (outcome.kind === 'crashed') throw new Error(`media worker: ${outcome.message}`)
    return outcome
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', onAbort)
    worker.terminate()
    await closed
  }
}
