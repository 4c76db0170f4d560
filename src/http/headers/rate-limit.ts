import type { Quota } from '../../errors.ts'

/** The headers `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10. */
export function rateLimitHeaders({ name, limit, windowSeconds, remaining, resetSeconds }: Quota) {
  return {
    'ratelimit-policy': `"${name}";q=${limit};w=${windowSeconds}`,
    ratelimit: `"${name}";r=${remaining};t=${resetSeconds}`,
  }
}
