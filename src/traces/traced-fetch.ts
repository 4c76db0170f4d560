import type { EngineName, Fetch } from '../engines/engine.ts'
import { readBytesUpTo } from '../read-body.ts'
import { type Traces, withTraceSpan } from './traces.ts'

/** More than engines accept. A larger response is truncated here and refused by the engine. */
const MAX_BYTES = 8 * 1024 * 1024

/**
 * `fetch` for an engine: each request is a trace span, until its response has been read. `isOwn`: the engine
 * belongs to the operator, so requests have the `traceparent` header.
 */
export function tracedFetch({
  traces,
  engine,
  isOwn,
}: {
  traces: Traces
  engine: EngineName
  isOwn: boolean
}): Fetch {
  return (to, init = {}) => {
    const { hostname, port, protocol } = new URL(to instanceof Request ? to.url : to)
    const method = init.method ?? 'GET'
    const attributes = {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      'verbatim.engine': engine,
    }
    return withTraceSpan(
      traces,
      { name: `${method} ${engine}`, kind: 'client', attributes },
      async (traceSpan) => {
        const headers = new Headers(init.headers ?? (to instanceof Request ? to.headers : {}))
        if (isOwn && traceSpan.traceparent) headers.set('traceparent', traceSpan.traceparent)
        const response = await fetch(to, { ...init, headers })
        traceSpan.setAttributes({ 'http.response.status_code': response.status })
        if (!response.ok) traceSpan.fail(String(response.status))
        const { bytes } = await readBytesUpTo(response, MAX_BYTES)
        return new Response(bytes.length > 0 ? bytes : null, response)
      },
    )
  }
}
