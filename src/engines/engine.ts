import { VerbatimError } from '../errors.ts'

/** Timed text inside one word's bounds. Seconds are relative to the start of the span. */
type Word = { start: number; end: number; word: string; probability: number | null }

/** Timed text, as OpenAI's `verbose_json` names it. Seconds are relative to the start of the span. */
export type Segment = {
  start: number
  end: number
  /** As the model wrote it: a leading space where its language separates words by spaces. */
  text: string
  /** ISO 639-1 code (Whisper's own if there is none); null if the engine reports none. */
  language: string | null
  avgLogprob: number | null
  compressionRatio: number | null
  noSpeechProb: number | null
  words: Word[] | null
  /** The second model that decoded it again, because the first text was doubtful. */
  verifiedBy?: string
}

/**
 * Who speaks when in a span. Seconds are relative to its start; turns may overlap. `voices` have numbers that
 * hold for this span only, and an embedding of unit length, of `seconds` of their speech.
 */
export type Diarization = {
  turns: { voice: number; start: number; end: number }[]
  voices: { voice: number; seconds: number; embedding: number[] }[]
}

/** Pcm of the same channel beside a span. It is heard to tell speakers apart, and is not transcribed. */
type PcmContext = { before: Uint8Array<ArrayBuffer>; after: Uint8Array<ArrayBuffer> }

/** A model that an engine runs, and what it is known to do. */
export type EngineModel = {
  /** Its name, as results report it. */
  id: string
  /** Other names that mean it. */
  aliases: string[]
  /** The codes of its languages; null: unknown, or all that Whisper knows. */
  languages: string[] | null
  /** Whether it translates into English. */
  translates: boolean
  /** Whether it may report the times of words. */
  words: boolean
}

export const QUALITIES = ['fast', 'balanced', 'best'] as const

export type Quality = (typeof QUALITIES)[number]

export type SpanRequest = {
  /** 16 kHz, mono, s16le, without a header; at most `maxSpanSeconds` long. */
  pcm: Uint8Array<ArrayBuffer>
  /** A Whisper language code, or `auto` to detect. */
  language: string
  /** Nobody chose `language`: the engine prefers it, unless the speech is clearly in another one. */
  isLanguageHint: boolean
  /** `diarize`: no text, only who speaks. Only for `ENGINES_WITH_SPEAKERS`. */
  task: 'transcribe' | 'translate' | 'diarize'
  /** A name of one of the engine's models. Null: its first. */
  model: string | null
  words: boolean
  /** The weight of accuracy against processor time. An engine that has no choice ignores it. */
  quality: Quality
  /** Text that precedes each window in the model's input. An engine that takes no prompt ignores it. */
  prompt: string | null
  /** Words that the model should expect. An engine that takes no keywords ignores them. */
  keywords: string[]
  /** The only languages to detect with the language `auto`; empty: all. Some engines ignore them. */
  languages: string[]
  /** Spans with equal shares, such as those of one user, take turns with others. An engine may ignore it. */
  share: string
  /** The span is of a clip, so somebody may wait for the first text. */
  isHurried: boolean
  /** Null: speakers are not told apart. An engine that cannot do so ignores it. */
  diarize: PcmContext | null
  signal: AbortSignal
}

/** A language code as in `Segment`, and the engine's confidence from 0 to 1. */
export type DetectedLanguage = { language: string; probability: number }

export type SpanResult = {
  segments: Segment[]
  /** The model's name, as the engine reports it. */
  model: string
  /** The language that was heard, whichever was requested; null if the engine reports none. */
  detected: DetectedLanguage | null
  /** Missing if it was not requested, or if the engine does not tell speakers apart. */
  diarization?: Diarization | { problem: string }
}

/** The engines as operators and clients name them. */
export const ENGINE_CHOICES = ['sidecar', 'hosted', 'openai'] as const

export const ENGINE_NAMES = ['sidecar', 'huggingface', 'openai'] as const

export type EngineName = (typeof ENGINE_NAMES)[number]

/** The hints of an upload, and the engines that take each. */
export const ENGINES_WITH_HINT = {
  prompt: ['sidecar', 'openai'],
  keywords: ['sidecar', 'openai'],
  languages: ['sidecar'],
} as const satisfies Record<string, readonly EngineName[]>

/** The engines that tell speakers apart. */
export const ENGINES_WITH_SPEAKERS: readonly EngineName[] = ['sidecar']

/** `detail` is one sentence for an operator: the problem and its cure. */
export type EngineState = { ready: boolean; detail: string }

/**
 * Sends an engine's requests: `fetch` with two options of Bun, to bypass the proxy and to have no own
 * timeout.
 */
export type Fetch = (
  url: string | URL | Request,
  init?: RequestInit & { proxy?: string | false; timeout?: number | false },
) => Promise<Response>

/**
 * Turns spans into segments.
 *
 * `transcribe` throws a `VerbatimError`:
 * - `engine_unavailable`: the engine was unreachable or failed; the same span may be sent again
 * - `engine_overloaded`: the engine accepts no more spans now (`EngineOverloaded.retryAfterSeconds` says when
 *   to retry)
 * - `engine_rejected`: the engine will never accept this span
 * - `engine_misconfigured`: the engine accepts no span until an operator changes something (token, model,
 *   credit). Its state then says what. After a while it is ready again, for a new attempt
 *
 * It throws the signal's reason if `signal` fires.
 */
export type Engine = {
  name: EngineName
  /** The span length to plan for, and the longest span that the engine accepts, in seconds. */
  targetSpanSeconds: number
  maxSpanSeconds: number
  /** Number of spans to send at once, and in addition, number of clips (spans of at most 30 s). */
  concurrency: number
  clipConcurrency: number
  state(): EngineState
  /** The models that it runs, as far as it knows now; the first is its default. */
  models(): readonly EngineModel[]
  /** Resolves once the engine accepts spans. Rejects with the signal's reason. */
  whenReady(signal: AbortSignal): Promise<void>
  transcribe(span: SpanRequest): Promise<SpanResult>
  close(): Promise<void>
}

/**
 * The engine accepts no more spans now: it is busy, starting, or unreachable. However often that happens, it
 * does not count as a failure of the span. `retryAfterSeconds`: when to retry, as the engine says or as a
 * guess.
 */
export class EngineOverloaded extends VerbatimError {
  override name = 'EngineOverloaded'
  readonly retryAfterSeconds: number

  constructor(message: string, options: ErrorOptions & { retryAfterSeconds: number }) {
    super('engine_overloaded', message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
