/** What a request is answered with on its way; undefined lets it through to the server. */
export type Fault = (request: Request, forward: () => Promise<Response>) => Promise<Response> | undefined

/** A way to the server at `endpoint` on which things go wrong. Signatures stay good: they name the server's host. */
export function openWay({ endpoint, fault }: { endpoint: string; fault: Fault }) {
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
          ...{ method, headers },
          ...(method !== 'GET' && method !== 'HEAD' && { body: await request.arrayBuffer() }),
        })
      return fault(request, forward) ?? forward()
    },
  })
  return { endpoint: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) }
}

/** An answer of an S3 store that something went wrong. */
export function refusal(status: number, code: string): Response {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>As it was told to.</Message></Error>`
  return new Response(body, { status, headers: { 'content-type': 'application/xml' } })
}
