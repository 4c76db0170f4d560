import { open } from 'node:fs/promises'
import { CLIP_SECONDS, type Media, type PcmPiece } from '../media.ts'
import { maxParallelJobs } from './capacity.ts'
import { compileCore } from './compiled-core.ts'
import { runJob } from './job.ts'
import type { Input, Task } from './reports.ts'
import { trackRunningWork } from './running-work.ts'
import { createSlots, type Slot } from './slots.ts'
import { createWorkerPool } from './worker-pool.ts'

/** Decoding a piece of five minutes takes less than a second. A file that needs 120 s is made to be slow. */
const DEFAULT_TIMEOUTS = { probeMs: 20_000, decodeMs: 20 * 60_000, pieceMs: 120_000 }
const MAX_SHORT = 3
/** A decode that waits for engines keeps its Worker. */
const MAX_LONG = 4
/** The group of callers that name none. */
const DEFAULT_GROUP = ''

/**
 * Media with ffmpeg as WebAssembly: each job has a Worker of its own, killed at its deadline, which counts from the
 * job's start. `concurrency`: how many long files are decoded at once, and how many files are probed.
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
  const { capacity, slots, workers } = slotsFor(concurrency)
  const running = trackRunningWork()
  const pool = createWorkerPool({ maxIdle: 2 * concurrency })
  let compiled: Promise<WebAssembly.Module> | undefined

  function core(): Promise<WebAssembly.Module> {
    compiled ??= compileCore().catch((error) => {
      compiled = undefined
      throw error
    })
    return compiled
  }

  /** Runs a task on a file once a slot and a Worker are free. */
  function onFile(
    { path, slots, group = DEFAULT_GROUP, signal }: FileOptions & { slots: Slots },
    { taskOf, ...limits }: FileWork,
  ) {
    return running.run(signal, (stop) =>
      slots.within({ group, signal: stop }, async (slot) => {
        const module = await core()
        return withInput(path, (input) =>
          workers.within({ group, signal: stop }, () =>
            runJob({ pool, module, task: taskOf(input), signal: stop, ...limitsOf(limits, slot) }),
          ),
        )
      }),
    )
  }

  return {
    capacity,
    async probe(path, { track = null, onSound, ...options } = {}) {
      const decodesUpTo = onSound ? CLIP_SECONDS : 0
      const outcome = await onFile(
        { path, slots: slots.probe, ...options },
        { taskOf: (input) => ({ kind: 'probe', input, track, decodesUpTo }), timeoutMs: probeMs },
      )
      if (outcome.kind !== 'probed') throw new Error(`a probe ended as ${outcome.kind}`)
      if (outcome.sound) onSound?.(outcome.sound)
      return outcome.info
    },
    async chooseTrack(path, options = {}) {
      const outcome = await onFile(
        { path, slots: slots.long, ...options },
        { taskOf: (input) => ({ kind: 'choose', input }), timeoutMs: decodeMs },
      )
      if (outcome.kind !== 'chosen') throw new Error(`a choice ended as ${outcome.kind}`)
      return outcome.track
    },
    async decode({ maxSeconds, track = null, channel = null, isShort = false, take, ...options }) {
      const outcome = await onFile(
        { slots: isShort ? slots.short : slots.long, ...options },
        {
          taskOf: (input) => ({ kind: 'decode', input, maxSeconds, track, channel }),
          timeoutMs: decodeMs,
          pieceMs,
          take,
        },
      )
      if (outcome.kind !== 'decoded') throw new Error(`a decode ended as ${outcome.kind}`)
      return outcome.warnings
    },
    async close() {
      await running.close()
      await pool.close()
    },
  }
}

function slotsFor(concurrency: number) {
  const maxWorkers = 2 * concurrency
  const capacity = {
    short: Math.min(MAX_SHORT, maxWorkers - 1),
    long: Math.max(1, Math.min(MAX_LONG, maxWorkers - 2)),
  }
  return {
    capacity,
    slots: {
      probe: createSlots({ count: concurrency }),
      short: createSlots({ count: capacity.short }),
      long: createSlots({ count: concurrency, started: capacity.long }),
    },
    workers: createSlots({ count: maxWorkers }),
  }
}

type FileOptions = { path: string; group?: string; signal?: AbortSignal }

type Slots = ReturnType<typeof createSlots>

type FileWork = {
  taskOf: (input: Input) => Task
  timeoutMs: number
  pieceMs?: number
  take?: (piece: PcmPiece) => Promise<void>
}

/** While a piece is taken, another file may use the slot. */
function limitsOf({ take, ...limits }: Omit<FileWork, 'taskOf'>, slot: Slot) {
  if (!take) return limits
  return {
    ...limits,
    take: (piece: PcmPiece) => (piece.isLast ? take(piece) : slot.without(() => take(piece))),
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
