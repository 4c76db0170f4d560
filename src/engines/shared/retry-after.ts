const UNTOLD_SECONDS = 5
/** However long an engine asks for: its job sleeps meanwhile, and it may be well much sooner. */
const MAX_SECONDS = 300

/**
 * Seconds that a `Retry-After` header (RFC 9110, a number or a date) asks for, at most five minutes; a guess where it
 * says nothing.
 */
export function retryAfterSeconds(headers: Headers): number {
  return Math.min(MAX_SECONDS, askedFor(headers))
}

function askedFor(headers: Headers): number {
  const value = headers.get('retry-after')
  if (value === null) return UNTOLD_SECONDS
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value)
  const until = Date.parse(value)
  return Number.isNaN(until) ? UNTOLD_SECONDS : Math.max(0, (until - Date.now()) / 1000)
}
