import type { EngineName, Fetch } from '../engines/engine.ts'
import { readBytesUpTo } from '../read-body.ts'
import { type Traces, withTraceSpan } from './traces.ts'

/** More than any engine reads of an answer: a larger one is cut here, and refused by the engine. */
const MAX_BYTES = 8 * 1024 * 1024

/**
 * `fetch` for an engine: each request, until its answer is read, is a step of the span that it is for. `isOwn`: it is told
 * which, as the engine is the operator's own.
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
      async (step) => {
        const headers = new Headers(init.headers ?? (to instanceof Request ? to.headers : {}))
        if (isOwn && step.traceparent) headers.set('traceparent', step.traceparent)
        const response = await fetch(to, { ...init, headers })
        step.setAttributes({ 'http.response.status_code': response.status })
        if (!response.ok) step.fail(String(response.status))
        const { bytes } = await readBytesUpTo(response, MAX_BYTES)
        return new Response(bytes.length > 0 ? bytes : null, response)
      },
    )
  }
}
