import { Elysia } from 'elysia'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'

const REQUEST_ID = 'x-request-id'
/** Asked for every few seconds by whoever watches: counted, but not told of. */
const PROBED = /^\/(health|metrics)\b/
const TAKEN = /^[\w.:+/=-]{1,128}$/

/**
 * Gives each request an id, the caller's own `X-Request-Id` where it sent one, and tells of each answer: its route's
 * pattern, never its query, in which a link's signature is.
 */
export function requests({ metrics, log }: { metrics: Pick<Metrics, 'request'> | null; log: Log | null }) {
  const begun = new WeakMap<Request, number>()
  return new Elysia({ name: 'requests' })
    .onRequest(({ request, set }) => {
      begun.set(request, performance.now())
      const given = request.headers.get(REQUEST_ID)
      set.headers[REQUEST_ID] = given && TAKEN.test(given) ? given : crypto.randomUUID()
    })
    .onAfterResponse({ as: 'global' }, ({ request, route, set, responseValue }) => {
      const { method } = request
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200)
      const seconds = (performance.now() - (begun.get(request) ?? performance.now())) / 1000
      metrics?.request({ method, route: route || 'none', status, seconds })
      if (PROBED.test(route)) return
      log?.('request', undefined, {
        request_id: set.headers[REQUEST_ID],
        method,
        route: route || 'none',
        status,
        ms: Math.round(seconds * 1000),
      })
    })
}
