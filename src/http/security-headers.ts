import { Elysia } from 'elysia'

/**
 * Default headers of every response; a route may override them. `no-store` is the default because most
 * responses contain a token, a signed link or a user's text. HSTS is left to the proxy that terminates TLS.
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
