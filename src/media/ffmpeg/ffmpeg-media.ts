import { open } from 'node:fs/promises'
import { VerbatimError } from '../../errors.ts'
import type { Media } from '../media.ts'
import { fittingJobs } from './capacity.ts'
import { compileCore } from './compiled-core.ts'
import { runJob } from './job.ts'
import type { Input, Task } from './reports.ts'
import { createSlots } from './slots.ts'

const DEFAULT_TIMEOUTS = { probeMs: 20_000, decodeMs: 20 * 60_000 }

/**
 * Media by ffmpeg compiled to WebAssembly: one Worker a job, killed at its deadline (counted from its start, not from
 * when it was asked for). `concurrency`: how many files are decoded at once (default: what fits, see `fittingJobs`), and as many
 * are probed beside them, so that an upload is never kept waiting by a long decode.
 */
export function ffmpegMedia({
  concurrency = fittingJobs(),
  timeouts = {},
}: {
  concurrency?: number
  timeouts?: Partial<typeof DEFAULT_TIMEOUTS>
} = {}): Media {
  const { probeMs, decodeMs } = { ...DEFAULT_TIMEOUTS, ...timeouts }
  const slots = { probe: createSlots(concurrency), decode: createSlots(concurrency) }
  const running = new Map<AbortController, Promise<unknown>>()
  let compiled: Promise<WebAssembly.Module> | undefined
  let closed = false

  function core(): Promise<WebAssembly.Module> {
    compiled ??= compileCore().catch((error) => {
      compiled = undefined
      throw error
    })
    return compiled
  }

  async function tracked<T>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>) {
    if (closed) throw shutDown()
    signal?.throwIfAborted()
    const stop = new AbortController()
    const onAbort = () => stop.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const done = work(stop.signal)
    running.set(stop, done)
    try {
      return await done
    } finally {
      running.delete(stop)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return {
    probe(path, signal) {
      return tracked(signal, (stop) =>
        slots.probe.within(stop, async () => {
          const module = await core()
          return withInput(path, async (input) => {
            const task: Task = { kind: 'probe', input }
            const outcome = await runJob({ module, task, timeoutMs: probeMs, signal: stop })
            if (outcome.kind !== 'probed') throw new Error(`a probe ended as ${outcome.kind}`)
            return outcome.info
          })
        }),
      )
    },
    decode({ path, maxSeconds, channel = null, signal, take }) {
      return tracked(signal, (stop) =>
        slots.decode.within(stop, async () => {
          const module = await core()
          await withInput(path, async (input) => {
            const task: Task = { kind: 'decode', input, maxSeconds, channel }
            const outcome = await runJob({ module, task, timeoutMs: decodeMs, signal: stop, take })
            if (outcome.kind !== 'decoded') throw new Error(`a decode ended as ${outcome.kind}`)
          })
        }),
      )
    },
    async close() {
      closed = true
      for (const stop of running.keys()) stop.abort(shutDown())
      await Promise.allSettled(running.values())
    },
  }
}

const shutDown = () => new VerbatimError('media_unavailable', 'The audio decoder has been shut down.')

async function withInput<T>(path: string, use: (input: Input) => Promise<T>): Promise<T> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    return await use({ fd: file.fd, size })
  } finally {
    await file.close()
  }
}
