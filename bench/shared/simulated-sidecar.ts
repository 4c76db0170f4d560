/**
 * A sidecar that answers one request after another, each after `answerMs`; it is unhealthy while `ready`
 * returns false.
 */
export function simulatedSidecar({
  answerMs,
  ready = () => true,
}: {
  answerMs: number
  ready?: () => boolean
}) {
  let last = Promise.resolve()
  return Bun.serve({
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      if (new URL(request.url).pathname === '/health') {
        return Response.json({}, { status: ready() ? 200 : 503 })
      }
      await request.arrayBuffer()
      last = last.then(() => Bun.sleep(answerMs))
      await last
      return Response.json({ model: 'simulated', segments: [{ start: 0, end: 1, text: ' word' }] })
    },
  })
}
