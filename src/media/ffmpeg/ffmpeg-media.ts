import { open } from 'node:fs/promises'
import { VerbatimError } from '../../errors.ts'
import type { Media } from '../media.ts'
import { fittingJobs } from './capacity.ts'
import { compileCore } from './compiled-core.ts'
import { runJob } from './job.ts'
import type { Input, Task } from './reports.ts'
import { createSlots } from './slots.ts'

/** A piece of five minutes takes the decoder less than a second: a file that takes 120 s for one is built to take long. */
const DEFAULT_TIMEOUTS = { probeMs: 20_000, decodeMs: 20 * 60_000, pieceMs: 120_000 }
const MOST_SHORT = 3
/** One that waits for engines keeps its Worker. */
const MOST_LONG = 4
/** Callers that name no group are one. */
const NOBODY = ''

/**
 * Media by ffmpeg compiled to WebAssembly: one Worker a job, killed at its deadline (counted from its start, not from
 * when it was asked for). `concurrency`: how many long files are decoded at once, and how many files are probed (default: what
 * fits, see `fittingJobs`). There are twice as many Workers at most, of which long files leave some to probes and short files,
 * so that an upload or a clip is never kept waiting by a long decode.
 */
export function ffmpegMedia({
  concurrency = fittingJobs(),
  timeouts = {},
}: {
  concurrency?: number
  timeouts?: Partial<typeof DEFAULT_TIMEOUTS>
} = {}): Media {
  const { probeMs, decodeMs, pieceMs } = { ...DEFAULT_TIMEOUTS, ...timeouts }
  const mostWorkers = 2 * concurrency
  const capacity = {
    short: Math.min(MOST_SHORT, mostWorkers - 1),
    long: Math.max(1, Math.min(MOST_LONG, mostWorkers - 2)),
  }
  const slots = {
    probe: createSlots({ count: concurrency }),
    short: createSlots({ count: capacity.short }),
    long: createSlots({ count: concurrency, begun: capacity.long }),
  }
  const workers = createSlots({ count: mostWorkers })
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
    capacity,
    probe(path, { signal, group = NOBODY } = {}) {
      return tracked(signal, (stop) =>
        slots.probe.within({ group, signal: stop }, async () => {
          const module = await core()
          return withInput(path, async (input) => {
            const task: Task = { kind: 'probe', input }
            const outcome = await workers.within({ group, signal: stop }, () =>
              runJob({ module, task, timeoutMs: probeMs, signal: stop }),
            )
            if (outcome.kind !== 'probed') throw new Error(`a probe ended as ${outcome.kind}`)
            return outcome.info
          })
        }),
      )
    },
    decode({ path, maxSeconds, channel = null, isShort = false, group = NOBODY, signal, take }) {
      return tracked(signal, (stop) =>
        slots[isShort ? 'short' : 'long'].within({ group, signal: stop }, async (slot) => {
          const module = await core()
          await withInput(path, async (input) => {
            const task: Task = { kind: 'decode', input, maxSeconds, channel }
            const outcome = await workers.within({ group, signal: stop }, () =>
              runJob({
                ...{ module, task, pieceMs, timeoutMs: decodeMs, signal: stop },
                take: (piece) => (piece.isLast ? take(piece) : slot.without(() => take(piece))),
              }),
            )
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
