/** Proxies often close a connection that is silent for 60 s. */
const MAX_WAIT_SECONDS = 55

/**
 * The seconds that a client wants to wait for the result: `Prefer: wait=N` (RFC 7240 §4.3), at most 55. Null
 * if the header does not ask to wait.
 */
export function waitIn(headers: Headers): number | null {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(headers.get('prefer') ?? '')?.[1]
  return seconds === undefined ? null : Math.min(Number(seconds), MAX_WAIT_SECONDS)
}
