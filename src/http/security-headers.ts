import { Elysia } from 'elysia'

/**
 * Response headers for every answer; a route that sets one of them itself wins. `no-store` is the default because most answers
 * carry a token, a signed link or a user's text. HSTS is missing on purpose: the service does not terminate TLS, so the proxy
 * that does must send it.
 */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

export function securityHeaders() {
  return new Elysia({ name: 'security-headers' }).onRequest(({ set }) => {
    Object.assign(set.headers, HEADERS)
  })
}
