import type { Quota } from '../../errors.ts'

/** `RateLimit` and `RateLimit-Policy` as draft-ietf-httpapi-ratelimit-headers-10 has them. */
export function rateLimitHeaders({ name, limit, windowSeconds, remaining, resetSeconds }: Quota) {
  return {
    'ratelimit-policy': `"${name}";q=${limit};w=${windowSeconds}`,
    ratelimit: `"${name}";r=${remaining};t=${resetSeconds}`,
  }
}
