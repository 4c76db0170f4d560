import {
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
} from 'cockatiel'
import { VerbatimError } from '../errors.ts'
import { type Engine, type EngineName, EngineOverloaded } from './engine.ts'

const FAILURES_TO_OPEN = 3
const REST_MS = { initialDelay: 2_000, maxDelay: 60_000 }
const ASK_AGAIN_SECONDS = 2

/** How much may be sent to an engine: `used` tells the seconds of audio that were, today (UTC). */
export type Budget = { engine: EngineName; secondsPerDay: number; used: () => Promise<number> }

/** Engines in order of preference. Spans are planned for the first. */
export type Engines = Pick<
  Engine,
  'targetSpanSeconds' | 'maxSpanSeconds' | 'concurrency' | 'clipConcurrency' | 'state' | 'whenReady' | 'close'
> & {
  /**
   * Those that a span may be sent to now, the preferred first, of the ones in `among` (null: all): they are ready, and
   * their budget is not used up.
   */
  available(among: EngineName[] | null): Promise<Engine[]>
}

/** Whether another engine may do what this error kept one from. */
export function failsOver(error: unknown): error is VerbatimError {
  return error instanceof VerbatimError && FAILS_OVER.has(error.code)
}

const FAILS_OVER = new Set([
  'engine_unavailable',
  'engine_overloaded',
  'engine_misconfigured',
  'engine_rejected',
])

/** One or more engines, each behind a circuit breaker of its own. */
export function withFailover(
  [first, ...others]: [Engine, ...Engine[]],
  { budget }: { budget?: Budget } = {},
): Engines {
  const engines = [first, ...others].map(guarded)

  async function hasBudget({ name }: Engine): Promise<boolean> {
    return budget?.engine !== name || (await budget.used()) < budget.secondsPerDay
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
      const enough = new AbortController()
      const any = AbortSignal.any([signal, enough.signal])
      try {
        await Promise.any(engines.map((engine) => engine.whenReady(any)))
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        enough.abort()
      }
    },
    async available(among) {
      const found: Engine[] = []
      for (const engine of engines) {
        const asked = among === null || among.includes(engine.name)
        if (asked && engine.state().ready && (await hasBudget(engine))) found.push(engine)
      }
      return found
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
    },
  }
}

/** An engine that is left alone for a while once it has broken off several times in a row; asked then, it is overloaded. */
function guarded(engine: Engine): Engine {
  const breaker = circuitBreaker(handleWhen(isDown), {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: new ExponentialBackoff(REST_MS),
  })
  return {
    ...engine,
    async transcribe(span) {
      try {
        return await breaker.execute(() => engine.transcribe(span))
      } catch (error) {
        if (!isBrokenCircuitError(error)) throw error
        throw new EngineOverloaded(`The engine ${engine.name} broke off several times and is left alone`, {
          cause: error,
          retryAfterSeconds: ASK_AGAIN_SECONDS,
        })
      }
    },
  }
}

function isDown(error: unknown): boolean {
  return error instanceof VerbatimError && IS_DOWN.has(error.code)
}

const IS_DOWN = new Set(['engine_unavailable', 'engine_misconfigured'])
