import { VerbatimError } from '../errors.ts'

/** Timed text inside one word's bounds. Seconds are relative to the start of the span. */
export type Word = { start: number; end: number; word: string; probability: number | null }

/** Timed text, as OpenAI's `verbose_json` names it. Seconds are relative to the start of the span. */
export type Segment = {
  start: number
  end: number
  /** As the model wrote it: a leading space where its language separates words by spaces. */
  text: string
  /** ISO 639-1 code (Whisper's own where there is none); null when the engine does not say. */
  language: string | null
  avgLogprob: number | null
  compressionRatio: number | null
  noSpeechProb: number | null
  words: Word[] | null
}

export type SpanRequest = {
  /** 16 kHz, mono, s16le, without a header; at most `maxSpanSeconds` of it. */
  pcm: Uint8Array<ArrayBuffer>
  /** A Whisper language code, or `auto` to detect. */
  language: string
  task: 'transcribe' | 'translate'
  words: boolean
  signal: AbortSignal
}

export type SpanResult = {
  segments: Segment[]
  /** The model that did the work, as the engine names it. */
  model: string
}

export type EngineName = 'sidecar' | 'huggingface'

/** `detail` is one sentence for an operator: what is missing and how to cure it. */
export type EngineState = { ready: boolean; detail: string }

/** `fetch`, with the options that only Bun has: no proxy for this machine's own addresses, and no time limit of its own. */
export type Fetch = (
  url: string | URL | Request,
  init?: RequestInit & { proxy?: string | false; timeout?: number | false },
) => Promise<Response>

/**
 * What turns a span into segments.
 *
 * `transcribe` throws a `VerbatimError`:
 * - `engine_unavailable`: it could not be reached, or broke off; the same span may be sent again
 * - `engine_overloaded`: it takes no more at the moment (`EngineOverloaded.retryAfterSeconds` says when to come back)
 * - `engine_rejected`: it will never take this span
 * - `engine_misconfigured`: it will take no span until an operator changes something (token, model, credit). From then on
 *   its state says what, and it is ready again, to be tried, after a while
 * and the signal's reason when `signal` fires.
 */
export type Engine = {
  name: EngineName
  /** Span length to plan for, and the longest span it takes, in seconds. */
  targetSpanSeconds: number
  maxSpanSeconds: number
  /** How many spans to keep with it at once; and beside them, how many of at most half a minute. */
  concurrency: number
  clipConcurrency: number
  state(): EngineState
  /** Resolves once the engine can be sent spans; rejects with the signal's reason. */
  whenReady(signal: AbortSignal): Promise<void>
  transcribe(span: SpanRequest): Promise<SpanResult>
  close(): Promise<void>
}

/**
 * The engine takes no more at the moment: it has too much to do, is starting, or cannot be reached. That is not the span's
 * fault, however often it happens. `retryAfterSeconds`: when to come back, as it said or as a guess.
 */
export class EngineOverloaded extends VerbatimError {
  override name = 'EngineOverloaded'
  readonly retryAfterSeconds: number

  constructor(message: string, options: ErrorOptions & { retryAfterSeconds: number }) {
    super('engine_overloaded', message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
