export type OutboundRequest = {
  method: 'GET' | 'POST'
  url: string
  headers?: Record<string, string>
  body?: string
  /** Whether http is refused, but to networks that the operator has named. */
  secure?: boolean
  /** How many redirects are followed, each looked at as the first URL was; by default none, and the redirect is the answer. */
  redirects?: number
  /** Until the answer's head is there; its host is to be found within the same time. */
  timeoutMs: number
  /** Breaks it off, also while the answer's body is read. */
  signal: AbortSignal
}

/**
 * Requests to URLs that users have named. They reach public hosts, and of others only those that the operator has named:
 * a user could otherwise have the service ask what only the service can reach.
 */
export type Outbound = {
  /** Throws `url_refused` (it is not to be asked) and `url_failed` (its host has no address, or none is told within ten seconds). */
  check(request: Pick<OutboundRequest, 'url' | 'secure'>): Promise<void>
  /**
   * The answer, whatever its status; its body is read or canceled by the caller.
   * Throws `url_refused`, `url_failed` (with the reason in a sentence), and the signal's reason.
   */
  request(request: OutboundRequest): Promise<Response>
}
