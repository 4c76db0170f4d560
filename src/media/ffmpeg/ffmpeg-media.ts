import { open } from 'node:fs/promises'
import type { Media } from '../media.ts'
import { maxParallelJobs } from './capacity.ts'
import { compileCore } from './compiled-core.ts'
import { runJob } from './job.ts'
import type { Input, Task } from './reports.ts'
import { trackRunningWork } from './running-work.ts'
import { createSlots } from './slots.ts'

/** Decoding a piece of five minutes takes less than a second. A file that needs 120 s is made to be slow. */
const DEFAULT_TIMEOUTS = { probeMs: 20_000, decodeMs: 20 * 60_000, pieceMs: 120_000 }
const MAX_SHORT = 3
/** A decode that waits for engines keeps its Worker. */
const MAX_LONG = 4
/** The group of callers that name none. */
const DEFAULT_GROUP = ''

/**
 * Media with ffmpeg as WebAssembly: one Worker per job, killed at its deadline, which counts from the
 * Worker's start. `concurrency`: how many long files are decoded at once, and how many files are probed.
 * There are at most twice as many Workers. Long files leave some of them to probes and short files, so that
 * no upload or clip waits for a long decode.
 */
export function ffmpegMedia({
  concurrency = maxParallelJobs(),
  timeouts = {},
}: {
  concurrency?: number
  timeouts?: Partial<typeof DEFAULT_TIMEOUTS>
} = {}): Media {
  const { probeMs, decodeMs, pieceMs } = { ...DEFAULT_TIMEOUTS, ...timeouts }
  const maxWorkers = 2 * concurrency
  const capacity = {
    short: Math.min(MAX_SHORT, maxWorkers - 1),
    long: Math.max(1, Math.min(MAX_LONG, maxWorkers - 2)),
  }
  const slots = {
    probe: createSlots({ count: concurrency }),
    short: createSlots({ count: capacity.short }),
    long: createSlots({ count: concurrency, started: capacity.long }),
  }
  const workers = createSlots({ count: maxWorkers })
  const running = trackRunningWork()
  let compiled: Promise<WebAssembly.Module> | undefined

  function core(): Promise<WebAssembly.Module> {
    compiled ??= compileCore().catch((error) => {
      compiled = undefined
      throw error
    })
    return compiled
  }

  return {
    capacity,
    probe(path, { track = null, signal, group = DEFAULT_GROUP } = {}) {
      return running.run(signal, (stop) =>
        slots.probe.within({ group, signal: stop }, async () => {
          const module = await core()
          return withInput(path, async (input) => {
            const task: Task = { kind: 'probe', input, track }
            const outcome = await workers.within({ group, signal: stop }, () =>
              runJob({ module, task, timeoutMs: probeMs, signal: stop }),
            )
            if (outcome.kind !== 'probed') throw new Error(`a probe ended as ${outcome.kind}`)
            return outcome.info
          })
        }),
      )
    },
    decode({
      path,
      maxSeconds,
      track = null,
      channel = null,
      isShort = false,
      group = DEFAULT_GROUP,
      signal,
      take,
    }) {
      return running.run(signal, (stop) =>
        slots[isShort ? 'short' : 'long'].within({ group, signal: stop }, async (slot) => {
          const module = await core()
          return withInput(path, async (input) => {
            const task: Task = { kind: 'decode', input, maxSeconds, track, channel }
            const outcome = await workers.within({ group, signal: stop }, () =>
              runJob({
                module,
                task,
                pieceMs,
                timeoutMs: decodeMs,
                signal: stop,
                take: (piece) => (piece.isLast ? take(piece) : slot.without(() => take(piece))),
              }),
            )
            if (outcome.kind !== 'decoded') throw new Error(`a decode ended as ${outcome.kind}`)
            return outcome.warnings
          })
        }),
      )
    },
    close: () => running.close(),
  }
}

async function withInput<T>(path: string, use: (input: Input) => Promise<T>): Promise<T> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    return await use({ fd: file.fd, size })
  } finally {
    await file.close()
  }
}
