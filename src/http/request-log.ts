import { Elysia } from 'elysia'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { noTraces, type TraceSpan, type Traces } from '../traces/traces.ts'

const REQUEST_ID = 'x-request-id'
/** Asked for every few seconds by whoever watches: counted, but not told of. */
const PROBED = /^\/(?:health|metrics)(?:\/|$)/
/** And the status of a transcription, which clients ask for again and again: no step of a trace either. */
const UNTRACED = /^\/(?:health|metrics)(?:[/?]|$)|^\/api\/transcriptions\/[^/?]+\/?(?:\?|$)/
const TAKEN = /^[\w.:+/=-]{1,128}$/

/**
 * Gives each request an id, the caller's own `X-Request-Id` where it sent one, and tells of each answer: its route's
 * pattern, never its query, in which a link's signature is.
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
  const begun = new WeakMap<Request, number>()
  const steps = new WeakMap<Request, TraceSpan>()
  const plugin = new Elysia({ name: 'requests' })
    .onRequest(({ request, set }) => {
      begun.set(request, performance.now())
      const given = request.headers.get(REQUEST_ID)
      set.headers[REQUEST_ID] = given && TAKEN.test(given) ? given : crypto.randomUUID()
    })
    .onAfterResponse({ as: 'global' }, ({ request, route, set, responseValue }) => {
      const { method } = request
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200)
      const step = steps.get(request)
      if (route) step?.rename(`${method} ${route}`)
      step?.setAttributes({ ...(route && { 'http.route': route }), 'http.response.status_code': status })
      if (status >= 500) step?.fail(String(status))
      step?.end()
      const seconds = (performance.now() - (begun.get(request) ?? performance.now())) / 1000
      metrics?.request({ method, route: route || 'none', status, seconds })
      if (PROBED.test(route)) return
      log?.('request', undefined, {
        request_id: set.headers[REQUEST_ID],
        method,
        route: route || 'none',
        status,
        ms: Math.round(seconds * 1000),
        ...step?.ids,
      })
    })
  if (traces === noTraces) return plugin
  return plugin.wrap((handle, request) => {
    const { method, url, headers } = request
    if (method === 'GET' && UNTRACED.test(behindHost(url))) return handle
    const parent = headers.get('traceparent')
    const attributes = {
      'http.request.method': method,
      'url.scheme': url.startsWith('https:') ? 'https' : 'http',
    }
    const step = traces.begin({ name: method, kind: 'server', parent, attributes })
    steps.set(request, step)
    return (...given: unknown[]) => step.run(() => handle(...given))
  })
}

/** Path and query of an absolute URL. */
function behindHost(url: string): string {
  const host = url.indexOf('://') + '://'.length
  return url.slice(url.indexOf('/', host))
}
