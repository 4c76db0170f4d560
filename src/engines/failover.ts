import { VerbatimError } from '../errors.ts'
import { CircuitOpen, createCircuitBreaker } from './circuit-breaker.ts'
import { type Engine, type EngineModel, type EngineName, EngineOverloaded } from './engine.ts'
import { findEngineModel } from './models.ts'

const FAILURES_TO_OPEN = 3
const PAUSE_MS = { first: 2_000, most: 60_000 }
const RETRY_AFTER_SECONDS = 2

/** Seconds of audio that an engine may receive per day (UTC). `used` returns those of today. */
export type Budget = { engine: EngineName; secondsPerDay: number; used: () => Promise<number> }

/** Engines in order of preference. Span lengths are those of the first. */
export type Engines = Pick<
  Engine,
  'targetSpanSeconds' | 'maxSpanSeconds' | 'concurrency' | 'clipConcurrency' | 'state' | 'whenReady' | 'close'
> & {
  /**
   * The engines of `among` (null: all) that run the model (null: any), are ready and within their budget, in
   * order of preference.
   */
  available(request?: { among?: readonly EngineName[] | null; model?: string | null }): Promise<Engine[]>
  /** The models of each engine, as far as it knows now. */
  models(): { engine: EngineName; models: readonly EngineModel[] }[]
}

/** Whether another engine may transcribe a span after this error. */
export function failsOver(error: unknown): error is VerbatimError {
  return error instanceof VerbatimError && FAILS_OVER.has(error.code)
}

const FAILS_OVER = new Set([
  'engine_unavailable',
  'engine_overloaded',
  'engine_misconfigured',
  'engine_rejected',
])

/** Engines in order of preference, each with its own circuit breaker. */
export function withFailover(
  [first, ...others]: [Engine, ...Engine[]],
  { budgets = [] }: { budgets?: readonly Budget[] } = {},
): Engines {
  const engines = [first, ...others].map(withCircuitBreaker).map(withLimit)

  async function hasBudget({ name }: Engine): Promise<boolean> {
    const budget = budgets.find(({ engine }) => engine === name)
    return budget === undefined || (await budget.used()) < budget.secondsPerDay
  }

  return {
    targetSpanSeconds: first.targetSpanSeconds,
    maxSpanSeconds: first.maxSpanSeconds,
    concurrency: Math.max(...engines.map(({ concurrency }) => concurrency)),
    clipConcurrency: Math.max(...engines.map(({ clipConcurrency }) => clipConcurrency)),
    state() {
      const states = engines.map((engine) => engine.state())
      return {
        ready: states.some(({ ready }) => ready),
        detail: states.map(({ detail }) => detail).join(' '),
      }
    },
    async whenReady(signal) {
      signal.throwIfAborted()
      const isOneReady = new AbortController()
      const stop = AbortSignal.any([signal, isOneReady.signal])
      try {
        await Promise.any(engines.map((engine) => engine.whenReady(stop)))
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        isOneReady.abort()
      }
    },
    models: () => engines.map((engine) => ({ engine: engine.name, models: engine.models() })),
    async available({ among = null, model = null } = {}) {
      const available: Engine[] = []
      for (const engine of engines) {
        const isNamed = among === null || among.includes(engine.name)
        const isRequested = isNamed && (model === null || findEngineModel(engine.models(), model))
        if (isRequested && engine.state().ready && (await hasBudget(engine))) available.push(engine)
      }
      return available
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
    },
  }
}

/** While the circuit of an engine is open, the engine reports that it is overloaded. */
function withCircuitBreaker(engine: Engine): Engine {
  const execute = createCircuitBreaker({
    isFailure: isDown,
    failuresToOpen: FAILURES_TO_OPEN,
    pauseMs: PAUSE_MS,
  })
  return {
    ...engine,
    async transcribe(span) {
      try {
        return await execute(() => engine.transcribe(span))
      } catch (error) {
        if (!(error instanceof CircuitOpen)) throw error
        const message = `The engine ${engine.name} failed several times in a row and is paused`
        throw new EngineOverloaded(message, { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS })
      }
    },
  }
}

/**
 * An engine gets no more spans at once than it takes, also while it stands in for one that takes more. Further
 * ones wait, or go to the next engine.
 */
function withLimit(engine: Engine): Engine {
  const limit = engine.concurrency + engine.clipConcurrency
  let running = 0
  return {
    ...engine,
    async transcribe(span) {
      if (running >= limit) {
        const message = `The engine ${engine.name} has ${limit} spans, which is its limit`
        throw new EngineOverloaded(message, { retryAfterSeconds: RETRY_AFTER_SECONDS })
      }
      running += 1
      try {
        return await engine.transcribe(span)
      } finally {
        running -= 1
      }
    },
  }
}

function isDown(error: unknown): boolean {
  return error instanceof VerbatimError && IS_DOWN.has(error.code)
}

const IS_DOWN = new Set(['engine_unavailable', 'engine_misconfigured'])
