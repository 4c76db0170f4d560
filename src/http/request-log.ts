import { Elysia } from 'elysia'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { noTraces, type TraceSpan, type Traces } from '../traces/traces.ts'

const REQUEST_ID = 'x-request-id'
/** Monitoring requests these every few seconds: they are counted, but not logged. */
const UNLOGGED = /^\/(?:health|metrics)(?:\/|$)/
/** Clients poll the status of a transcription, so it is not traced either. */
const UNTRACED = /^\/(?:health|metrics)(?:[/?]|$)|^\/api\/transcriptions\/[^/?]+\/?(?:\?|$)/
const VALID_ID = /^[\w.:+/=-]{1,128}$/

/**
 * Assigns each request an id (the client's `X-Request-Id`, if it is valid), and logs, counts and traces its
 * response. The log has the route's pattern and never the query, which may contain a link's signature.
 */
export function requestLog({
  metrics,
  traces,
  log,
}: {
  metrics: Pick<Metrics, 'request'> | null
  traces: Traces
  log: Log | null
}) {
  const startTimes = new WeakMap<Request, number>()
  const traceSpans = new WeakMap<Request, TraceSpan>()
  const plugin = new Elysia({ name: 'requests' })
    .onRequest(({ request, set }) => {
      startTimes.set(request, performance.now())
      const id = request.headers.get(REQUEST_ID)
      set.headers[REQUEST_ID] = id && VALID_ID.test(id) ? id : crypto.randomUUID()
    })
    .onAfterResponse({ as: 'global' }, ({ request, route, set, responseValue }) => {
      const { method } = request
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200)
      const traceSpan = traceSpans.get(request)
      if (route) traceSpan?.rename(`${method} ${route}`)
      traceSpan?.setAttributes({ ...(route && { 'http.route': route }), 'http.response.status_code': status })
      if (status >= 500) traceSpan?.fail(String(status))
      traceSpan?.end()
      const seconds = (performance.now() - (startTimes.get(request) ?? performance.now())) / 1000
      metrics?.request({ method, route: route || 'none', status, seconds })
      if (UNLOGGED.test(route)) return
      log?.('request', undefined, {
        request_id: set.headers[REQUEST_ID],
        method,
        route: route || 'none',
        status,
        ms: Math.round(seconds * 1000),
        ...traceSpan?.ids,
      })
    })
  if (traces === noTraces) return plugin
  return plugin.wrap((handle, request) => {
    const { method, url, headers } = request
    if (method === 'GET' && UNTRACED.test(pathAndQueryOf(url))) return handle
    const parent = headers.get('traceparent')
    const attributes = {
      'http.request.method': method,
      'url.scheme': url.startsWith('https:') ? 'https' : 'http',
    }
    const traceSpan = traces.begin({ name: method, kind: 'server', parent, attributes })
    traceSpans.set(request, traceSpan)
    return (...args: unknown[]) => traceSpan.run(() => handle(...args))
  })
}

function pathAndQueryOf(url: string): string {
  const host = url.indexOf('://') + '://'.length
  return url.slice(url.indexOf('/', host))
}
