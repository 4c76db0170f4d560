/** Longer than this a server would have to keep connections open that say nothing. */
export const MAX_WAIT_SECONDS = 55

/**
 * How long a client would rather wait for the outcome than be answered at once: `Prefer: wait=N` (RFC 7240 §4.3), in
 * seconds, at most 55; null where it asks for nothing.
 */
export function waitIn(headers: Headers): number | null {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(headers.get('prefer') ?? '')?.[1]
  return seconds === undefined ? null : Math.min(Number(seconds), MAX_WAIT_SECONDS)
}
