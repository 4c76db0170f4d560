import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import { type Engine, EngineOverloaded, type EngineState, type Fetch, type SpanResult } from '../engine.ts'
import { retryGeneration } from '../shared/generation.ts'
import { readiness } from '../shared/readiness.ts'
import { spanSeconds } from '../shared/span-result.ts'
import { markDown, markMisconfigured, type Sidecar, watchHealth } from './health.ts'
import { readSidecarReply } from './reply.ts'
import { askSidecar } from './request.ts'

/** Span lengths that suit a sidecar, in seconds, and spans to keep with each. */
export const SIDECAR_LIMITS = {
  targetSpanSeconds: 120,
  maxSpanSeconds: 180,
  concurrency: 2,
  clipConcurrency: 6,
}

function stateOf(sidecars: Sidecar[]): EngineState {
  const well = sidecars.filter((sidecar) => sidecar.healthy)
  const down = sidecars.filter((sidecar) => !sidecar.healthy)
  const troubles = down.map((sidecar) => `${sidecar.url} (${sidecar.trouble})`).join(', ')
  if (well.length === 0) {
    return { ready: false, detail: `No sidecar is ready: ${troubles}. Start it, or correct SIDECAR_URL.` }
  }
  const detail = `${well.length} of ${sidecars.length} sidecars ready`
  return { ready: true, detail: down.length === 0 ? `${detail}.` : `${detail}; not ready: ${troubles}.` }
}

/**
 * Sidecars that speak text-generation-inference's surface, one or several, at `urls`. Each span goes to the
 * healthy one with the least to do; one that breaks off, is full or is misconfigured is passed over for the next before
 * the caller hears of it. A 424 is tried three times before it becomes `engine_rejected`. `deadlineSeconds`
 * bounds one answer; `onState` hears of each look at a sidecar's health; `fetch`: what spans go out through.
 */
export function sidecarEngine(options: {
  urls: string[]
  apiKey?: string
  deadlineSeconds?: number
  onState?: (state: EngineState) => void
  fetch?: Fetch
}): Engine {
  const { apiKey, deadlineSeconds = 1200, onState, fetch: reach = fetch } = options
  const sidecars = options.urls.map(
    (url): Sidecar => ({
      url: url.replace(/(?<!\/)\/+$/, ''),
      healthy: false,
      trouble: 'not asked yet',
      busy: 0,
      refusedUntil: 0,
    }),
  )
  const closing = new AbortController()
  const ready = readiness(stateOf(sidecars))
  const changed = () => {
    if (closing.signal.aborted) return
    ready.set(stateOf(sidecars))
    onState?.(ready.state())
  }
  for (const sidecar of sidecars) void watchHealth({ sidecar, apiKey, changed, signal: closing.signal })

  let turn = 0
  function nextSidecar(tried: Set<Sidecar>): Sidecar | undefined {
    turn += 1
    const inTurn = [...sidecars.slice(turn % sidecars.length), ...sidecars.slice(0, turn % sidecars.length)]
    return inTurn
      .filter((sidecar) => sidecar.healthy && !tried.has(sidecar))
      .toSorted((a, b) => a.busy - b.busy)[0]
  }

  return {
    name: 'sidecar',
    targetSpanSeconds: SIDECAR_LIMITS.targetSpanSeconds,
    maxSpanSeconds: SIDECAR_LIMITS.maxSpanSeconds,
    concurrency: SIDECAR_LIMITS.concurrency * sidecars.length,
    clipConcurrency: SIDECAR_LIMITS.clipConcurrency * sidecars.length,
    state: ready.state,
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      const seconds = spanSeconds(span.pcm, SIDECAR_LIMITS.maxSpanSeconds)
      const wav = wavOf(span.pcm)
      const aroundAll = async (): Promise<SpanResult> => {
        const tried = new Set<Sidecar>()
        let full: EngineOverloaded | undefined
        let misconfigured: VerbatimError | undefined
        for (;;) {
          const sidecar = nextSidecar(tried)
          if (!sidecar) {
            throw full ?? misconfigured ?? new VerbatimError('engine_unavailable', ready.state().detail)
          }
          tried.add(sidecar)
          sidecar.busy += 1
          try {
            const text = await askSidecar({
              ...{ url: sidecar.url, apiKey, wav, span, deadlineSeconds },
              fetch: reach,
            })
            return readSidecarReply(text, seconds)
          } catch (error) {
            if (error instanceof EngineOverloaded) {
              if (!full || error.retryAfterSeconds < full.retryAfterSeconds) full = error
            } else if (error instanceof VerbatimError && error.code === 'engine_unavailable') {
              markDown(sidecar, error.message)
              changed()
            } else if (error instanceof VerbatimError && error.code === 'engine_misconfigured') {
              markMisconfigured(sidecar, error.message)
              misconfigured = error
              changed()
            } else throw error
          } finally {
            sidecar.busy -= 1
          }
        }
      }
      return retryGeneration(aroundAll, span.signal)
    },

    async close() {
      closing.abort()
      ready.set({ ready: false, detail: 'The sidecar adapter is closed.' })
    },
  }
}
