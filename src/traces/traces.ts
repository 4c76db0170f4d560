import { VerbatimError } from '../errors.ts'

/** Counts, names and codes. Never what was said, a file's name, a URL, an address of a user, or what someone logs in with. */
export type Attributes = Record<string, string | number | boolean>

/** `consumer`: a job that was taken up; `internal`: a part of another step. */
export type TraceSpanKind = 'server' | 'client' | 'consumer' | 'internal'

export type NewTraceSpan = {
  name: string
  kind: TraceSpanKind
  /** The `traceparent` (W3C Trace Context) of the step that it belongs to; null: of none. Without it: to the one that is running. */
  parent?: string | null
  attributes?: Attributes
}

/** Part of the way of a transcription through all processes: what OpenTelemetry calls a span, which here is audio. */
export type TraceSpan = {
  /** Tells others which step theirs belong to; null where nothing is kept. */
  traceparent: string | null
  /** As log lines have them. */
  ids: { trace_id?: string; span_id?: string }
  rename(name: string): void
  setAttributes(attributes: Attributes): void
  /** Something that happened within it, at this time. */
  addEvent(name: string, attributes?: Attributes): void
  /** It went wrong; `code` is a word for a program. */
  fail(code: string): void
  /** What `work` does, and whatever comes of it, is part of this step. */
  run<T>(work: () => T): T
  /** It is over, and told of. */
  end(): void
}

export type Traces = {
  begin(step: NewTraceSpan): TraceSpan
  /** The step that this is part of, if any. */
  running(): TraceSpan | null
  /** Tells what is not told yet, as far as that goes within a few seconds. */
  close(): Promise<void>
}

const NOTHING: TraceSpan = {
  traceparent: null,
  ids: {},
  rename() {},
  setAttributes() {},
  addEvent() {},
  fail() {},
  run: (work) => work(),
  end() {},
}

/** Where none are kept. */
export const noTraces: Traces = {
  begin: () => NOTHING,
  running: () => null,
  close: async () => {},
}

/** Runs `work` as a step of its own, which fails with what it throws. */
export async function withTraceSpan<T>(
  traces: Traces,
  about: NewTraceSpan,
  work: (step: TraceSpan) => Promise<T>,
): Promise<T> {
  const step = traces.begin(about)
  try {
    return await step.run(() => work(step))
  } catch (error) {
    step.fail(codeOf(error))
    throw error
  } finally {
    step.end()
  }
}

/** How long a job has waited that could be taken up since then. */
export function waited(since: Date): Attributes {
  return { 'verbatim.queue.seconds': Math.max(0, Date.now() - since.getTime()) / 1000 }
}

/** What went wrong, in a word: an error's sentence may quote what no trace is to tell. */
export function codeOf(error: unknown): string {
  if (error instanceof VerbatimError) return error.code
  if (!(error instanceof Error)) return 'internal'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
