import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'
import { reportingExporter } from './reporting-exporter.ts'
import type { Attributes, NewTraceSpan, TraceSpan, TraceSpanKind, Traces } from './traces.ts'

/** The samplers of OpenTelemetry's `OTEL_TRACES_SAMPLER`. */
export type Sampling = {
  root: 'on' | 'off' | 'ratio'
  /** A trace span with a parent is sampled if its parent is. */
  isParentBased: boolean
  /** The share of new traces that `ratio` samples. */
  share: number
}

const CLOSE_MS = 3_000

const KINDS: Record<TraceSpanKind, SpanKind> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
}

/**
 * Traces with OpenTelemetry's SDK, exported in batches to a collector (OTLP/HTTP, JSON). `endpoint`: the
 * collector's base URL. `attributes` describe this process. Trace spans that cannot be exported are dropped
 * and logged.
 */
export function openTelemetry({
  endpoint,
  headers,
  attributes,
  sampling,
  log,
}: {
  endpoint: string
  headers: Record<string, string>
  attributes: Attributes
  sampling: Sampling
  log: Log
}): Traces {
  const url = `${endpoint}/v1/traces`
  const exporter = reportingExporter({ exporter: new OTLPTraceExporter({ url, headers }), log })
  const provider = new TracerProvider({
    resource: resourceFromAttributes(attributes),
    sampler: samplerOf(sampling),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('verbatim')
  const current = new AsyncLocalStorage<TraceSpan & { context: Context }>()

  function contextOf(parent: string | null | undefined): Context {
    if (parent === undefined) return current.getStore()?.context ?? ROOT_CONTEXT
    const remote = parent === null ? null : spanContextOf(parent)
    return remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT
  }

  function begin({ name, kind, parent, attributes }: NewTraceSpan): TraceSpan {
    const parentContext = contextOf(parent)
    const span = tracer.startSpan(
      name,
      { kind: KINDS[kind], ...(attributes && { attributes }) },
      parentContext,
    )
    const { traceId, spanId, traceFlags } = span.spanContext()
    const traceSpan: TraceSpan & { context: Context } = {
      context: trace.setSpan(parentContext, span),
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
      ids: { trace_id: traceId, span_id: spanId },
      rename: (name) => void span.updateName(name),
      setAttributes: (attributes) => void span.setAttributes(attributes),
      addEvent: (name, attributes) => void span.addEvent(name, attributes),
      fail(code) {
        span.setAttribute('error.type', code)
        span.setStatus({ code: SpanStatusCode.ERROR, message: code })
      },
      run: (work) => current.run(traceSpan, work),
      end: () => span.end(),
    }
    return traceSpan
  }

  return {
    begin,
    running: () => current.getStore() ?? null,
    async close() {
      const timeout = Promise.withResolvers<void>()
      const timer = setTimeout(timeout.resolve, CLOSE_MS)
      await Promise.race([provider.shutdown().catch(() => {}), timeout.promise])
      clearTimeout(timer)
    },
  }
}

/** Any version, as W3C Trace Context requires (section 4.3, versioning). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/

function spanContextOf(traceparent: string) {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent) ?? []
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const context = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(context) ? context : null
}

function samplerOf({ root, isParentBased, share }: Sampling): Sampler {
  const own = {
    on: () => new AlwaysOnSampler(),
    off: () => new AlwaysOffSampler(),
    ratio: () => new TraceIdRatioBasedSampler(share),
  }[root]()
  return isParentBased ? new ParentBasedSampler({ root: own }) : own
}
