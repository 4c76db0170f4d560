export type OutboundRequest = {
  method: 'GET' | 'POST' | 'PUT'
  url: string
  headers?: Record<string, string>
  body?: string
  /** Requires https, except to networks that the operator allows. */
  secure?: boolean
  /**
   * Maximum number of redirects to follow, each checked like the first URL. Default 0: returns the redirect.
   */
  redirects?: number
  /** Time until the head of the response, including DNS. */
  timeoutMs: number
  /** Aborts the request, also while the response's body is read. */
  signal: AbortSignal
}

/**
 * Requests to URLs from users, with SSRF protection: they reach public hosts only, and the networks that the
 * operator allows. Otherwise users could reach internal hosts through the service.
 */
export type Outbound = {
  /**
   * Throws `url_refused` (the URL is not allowed) and `url_failed` (the host was not found within ten
   * seconds).
   */
  check(request: Pick<OutboundRequest, 'url' | 'secure'>): Promise<void>
  /**
   * Returns the response with any status. The caller must read or cancel its body.
   * Throws `url_refused`, `url_failed` (with the reason), and the signal's reason.
   */
  request(request: OutboundRequest): Promise<Response>
}
