/** Returns the response to a request, or undefined to forward the request to the server. */
export type Fault = (request: Request, forward: () => Promise<Response>) => Promise<Response> | undefined

/** A proxy in front of the server at `endpoint`. Signatures stay valid, since it forwards the Host header. */
export function openFaultyProxy({ endpoint, fault }: { endpoint: string; fault: Fault }) {
  const target = new URL(endpoint)
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const headers = new Headers(request.headers)
      const { method } = request
      const forward = async () =>
        fetch(`${target.origin}${pathname}${search}`, {
          method,
          headers,
          ...(method !== 'GET' && method !== 'HEAD' && { body: await request.arrayBuffer() }),
        })
      return fault(request, forward) ?? forward()
    },
  })
  return { endpoint: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) }
}

/** An S3 error response. */
export function errorResponse(status: number, code: string): Response {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>Scripted.</Message></Error>`
  return new Response(body, { status, headers: { 'content-type': 'application/xml' } })
}
