import { VerbatimError } from '../errors.ts'

/** Numbers, names and codes. Never transcripts, file names, URLs, IP addresses of users or credentials. */
export type Attributes = Record<string, string | number | boolean>

/** `consumer`: a job; `internal`: a part of another trace span. */
export type TraceSpanKind = 'server' | 'client' | 'consumer' | 'internal'

export type NewTraceSpan = {
  name: string
  kind: TraceSpanKind
  /**
   * The parent's `traceparent` (W3C Trace Context). Null starts a new trace; undefined means the running
   * trace span.
   */
  parent?: string | null
  attributes?: Attributes
}

/** A span of OpenTelemetry. Here the word *span* alone means a stretch of audio. */
export type TraceSpan = {
  /** For children in other processes; null if there are no traces. */
  traceparent: string | null
  /** Fields for log lines. */
  ids: { trace_id?: string; span_id?: string }
  rename(name: string): void
  setAttributes(attributes: Attributes): void
  /** Records that something happened now. */
  addEvent(name: string, attributes?: Attributes): void
  /** Marks the trace span as failed. `code` is an error code, never a message. */
  fail(code: string): void
  /** Runs `work`, including its async continuations, with this as the running trace span. */
  run<T>(work: () => T): T
  end(): void
}

export type Traces = {
  begin(traceSpan: NewTraceSpan): TraceSpan
  /** The running trace span, if any. */
  running(): TraceSpan | null
  /** Exports the remaining trace spans, for a few seconds at most. */
  close(): Promise<void>
}

const NO_TRACE_SPAN: TraceSpan = {
  traceparent: null,
  ids: {},
  rename() {},
  setAttributes() {},
  addEvent() {},
  fail() {},
  run: (work) => work(),
  end() {},
}

/** Used if there is no collector. */
export const noTraces: Traces = {
  begin: () => NO_TRACE_SPAN,
  running: () => null,
  close: async () => {},
}

/** Runs `work` in a new trace span, which fails if `work` throws. */
export async function withTraceSpan<T>(
  traces: Traces,
  newTraceSpan: NewTraceSpan,
  work: (traceSpan: TraceSpan) => Promise<T>,
): Promise<T> {
  const traceSpan = traces.begin(newTraceSpan)
  try {
    return await traceSpan.run(() => work(traceSpan))
  } catch (error) {
    traceSpan.fail(codeOf(error))
    throw error
  } finally {
    traceSpan.end()
  }
}

/** The time that a job has waited in its queue. */
export function waited(since: Date): Attributes {
  return { 'verbatim.queue.seconds': Math.max(0, Date.now() - since.getTime()) / 1000 }
}

/** An error's code. Its message may contain data that must not enter traces. */
export function codeOf(error: unknown): string {
  if (error instanceof VerbatimError) return error.code
  if (!(error instanceof Error)) return 'internal'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
