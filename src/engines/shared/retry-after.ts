const DEFAULT_SECONDS = 5
/** The span's job sleeps for this time, and an engine may recover much sooner than it announced. */
const MAX_SECONDS = 300

/**
 * Seconds of a `Retry-After` header (RFC 9110 §10.2.3: a number or a date), at most five minutes; 5 if it is
 * invalid.
 */
export function retryAfterSeconds(headers: Headers): number {
  return Math.min(MAX_SECONDS, requestedSeconds(headers))
}

function requestedSeconds(headers: Headers): number {
  const value = headers.get('retry-after')
  if (value === null) return DEFAULT_SECONDS
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value)
  const until = Date.parse(value)
  return Number.isNaN(until) ? DEFAULT_SECONDS : Math.max(0, (until - Date.now()) / 1000)
}
