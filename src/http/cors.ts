import { Elysia, NotFoundError } from 'elysia'
import { addVary } from './headers/vary.ts'
import { noContent } from './no-content.ts'

/** Serialized origins as browsers send them, such as `https://app.example.com`; `*` is every origin. */
export type CorsOrigins = '*' | readonly string[]

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** Seconds that a browser may reuse a preflight. Chromium caps it at two hours. */
const MAX_AGE = '7200'

/** The response headers that a script may read, besides those that Fetch always exposes. */
const EXPOSED = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Transcription-Id',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'WWW-Authenticate',
  'X-Request-Id',
].join(', ')

/**
 * Lets pages of other origins call the API (CORS, Fetch §3.3); null: only pages of its own origin. Tokens are
 * sent in headers, so cookies and other credentials of the browser are never allowed. That makes it safe to
 * allow every request header that a preflight asks for.
 *
 * Not `@elysiajs/cors`: it allows the headers that a preflight itself has instead of those that it asks for,
 * answers every OPTIONS request with 204, and sends `Vary: *` with `*`.
 */
export function cors({ origins }: { origins: CorsOrigins | null }) {
  const plugin = new Elysia({ name: 'cors' })
  if (origins === null) return plugin

  const isAllowed = (origin: string | null): origin is string =>
    origin !== null && (origins === '*' || origins.includes(origin))

  // Before routing, so that errors have these headers too.
  plugin.onRequest(({ request, set }) => {
    if (origins !== '*') addVary(set, 'Origin')
    const origin = request.headers.get('origin')
    if (!isAllowed(origin)) return
    set.headers['access-control-allow-origin'] = origins === '*' ? '*' : origin
    if (isPreflight(request)) Object.assign(set.headers, preflightHeaders(request))
    else set.headers['access-control-expose-headers'] = EXPOSED
  })
  // The OPTIONS routes of tus come before this one.
  plugin.options(
    '/*',
    ({ request }) => {
      if (!isPreflight(request) || !isAllowed(request.headers.get('origin'))) throw new NotFoundError()
      return noContent()
    },
    { detail: { hide: true } },
  )
  return plugin
}

const isPreflight = ({ method, headers }: Request) =>
  method === 'OPTIONS' && headers.has('access-control-request-method')

function preflightHeaders({ headers }: Request): Record<string, string> {
  const asked = headers.get('access-control-request-headers')
  return {
    'access-control-allow-methods': METHODS,
    'access-control-max-age': MAX_AGE,
    ...(asked !== null && { 'access-control-allow-headers': asked }),
  }
}
