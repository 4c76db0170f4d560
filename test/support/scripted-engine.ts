import type { Engine, EngineModel, Segment, SpanRequest, SpanResult } from '../../src/engines/engine.ts'
import { spanSeconds } from '../../src/engines/shared/span-result.ts'
import { VerbatimError } from '../../src/errors.ts'
import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { LANGUAGES } from '../../src/whisper-languages.ts'

/** A segment with defaults for all omitted properties. */
export function segmentOf(properties: Partial<Segment> & { text: string }): Segment {
  return {
    start: 0,
    end: 1,
    language: null,
    words: null,
    avgLogprob: null,
    compressionRatio: null,
    noSpeechProb: null,
    ...properties,
  }
}

/**
 * Two segments that name their samples, so that a transcript shows which samples were sent, and their times.
 */
export function namingSamples(pcm: Uint8Array): SpanResult {
  const seconds = pcm.length / BYTES_PER_SECOND
  const name = Bun.hash.crc32(pcm).toString(16)
  return {
    model: 'scripted',
    segments: [
      segmentOf({ start: 0, end: seconds / 2, text: ` ${name}:start`, language: 'en' }),
      segmentOf({ start: seconds / 2, end: seconds, text: ` ${name}:end`, language: 'en' }),
    ],
    detected: null,
  }
}

export type Answer = (span: SpanRequest, call: number) => SpanResult | Promise<SpanResult>

/**
 * An engine with scripted answers, for behaviour that a real engine cannot show on demand, such as three
 * failures and then a success. `call` counts from 0. Without `answer`, it names the samples of each span.
 */
export function scriptedEngine({
  answer = ({ pcm }) => namingSamples(pcm),
  targetSpanSeconds = 4,
  maxSpanSeconds = 6,
  concurrency = 1,
  models = [],
}: { answer?: Answer } & Partial<Pick<Engine, 'targetSpanSeconds' | 'maxSpanSeconds' | 'concurrency'>> & {
    models?: readonly EngineModel[]
  } = {}) {
  const calls: SpanRequest[] = []
  const engine: Engine = {
    name: 'sidecar',
    targetSpanSeconds,
    maxSpanSeconds,
    concurrency,
    clipConcurrency: concurrency,
    models: () => models,
    state: () => ({ ready: true, detail: 'answers as scripted' }),
    whenReady: async (signal) => signal.throwIfAborted(),
    async transcribe(span) {
      span.signal.throwIfAborted()
      spanSeconds(span.pcm, maxSpanSeconds)
      if (span.language !== 'auto' && !LANGUAGES.has(span.language)) {
        throw new VerbatimError('engine_rejected', `The language ${span.language} is not in the script`)
      }
      calls.push(span)
      return Promise.race([answer(span, calls.length - 1), untilAborted(span)])
    },
    close: async () => {},
  }
  return { ...engine, calls }
}

/** Rejects with the signal's reason once it fires, also if it has fired already. */
export function untilAborted({ signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
