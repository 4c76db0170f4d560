import { VerbatimError } from '../../errors.ts'
import { wavOf } from '../../media/wav.ts'
import type { Engine, EngineModel, EngineName, EngineState, SpanRequest, SpanResult } from '../engine.ts'
import { findEngineModel } from '../models.ts'
import { EngineAway } from './away.ts'
import { retryGeneration } from './generation.ts'
import { createReadiness } from './readiness.ts'
import { spanSeconds } from './span-result.ts'

const TARGET_SECONDS = 25
const MAX_SECONDS = 30
/** After this time a span is sent again, to find out whether credit, access or deployment were corrected. */
const MISCONFIGURED_SECONDS = 60

/** Sends one span of `seconds` as a WAV file. Throws the engine's errors. */
export type SendSpan = (
  span: SpanRequest,
  wav: Uint8Array<ArrayBuffer>,
  seconds: number,
) => Promise<SpanResult>

/** A model of the server, and what sends a span to it. */
type ServedModel = EngineModel & { send: SendSpan }

/**
 * An engine behind a server that has no health check: it counts as ready until a span finds out otherwise.
 * Then no span is sent for a while. `unusable`: why no span can be sent at all, for an operator.
 */
export function remoteEngine({
  name,
  destination,
  unusable,
  models,
  concurrency,
}: {
  name: EngineName
  destination: string
  unusable: string | null
  /** The first is the default. */
  models: readonly [ServedModel, ...ServedModel[]]
  concurrency: number
}): Engine {
  const usable: EngineState = { ready: true, detail: `Spans go to ${destination}.` }
  const ready = createReadiness(unusable === null ? usable : { ready: false, detail: unusable })
  let resumeTimer: ReturnType<typeof setTimeout> | undefined

  function modelFor(model: string | null): ServedModel {
    const found = model === null ? models[0] : findEngineModel(models, model)
    if (found) return found
    throw new VerbatimError('engine_rejected', `The engine ${name} does not run the model ${model}.`)
  }

  /** Accepts no spans for a while, with the error as the state's detail. */
  function pause({ message }: VerbatimError, seconds: number) {
    clearTimeout(resumeTimer)
    ready.set({ ready: false, detail: message })
    resumeTimer = setTimeout(() => ready.set(usable), seconds * 1000)
    resumeTimer.unref()
  }

  return {
    name,
    targetSpanSeconds: TARGET_SECONDS,
    maxSpanSeconds: MAX_SECONDS,
    concurrency,
    clipConcurrency: concurrency,
    state: ready.state,
    models: () => models,
    whenReady: ready.whenReady,

    async transcribe(span) {
      span.signal.throwIfAborted()
      const seconds = spanSeconds(span.pcm, MAX_SECONDS)
      const { send } = modelFor(span.model)
      if (unusable !== null) throw new VerbatimError('engine_misconfigured', unusable)
      const wav = wavOf(span.pcm)
      try {
        const result = await retryGeneration(() => send(span, wav, seconds), span.signal)
        clearTimeout(resumeTimer)
        if (!ready.state().ready) ready.set(usable)
        return result
      } catch (error) {
        if (error instanceof EngineAway) pause(error, error.retryAfterSeconds)
        if (error instanceof VerbatimError && error.code === 'engine_misconfigured') {
          pause(error, MISCONFIGURED_SECONDS)
        }
        throw error
      }
    },

    async close() {
      clearTimeout(resumeTimer)
      ready.set({ ready: false, detail: `The engine ${name} is closed.` })
    },
  }
}
