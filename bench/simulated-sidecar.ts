/** Answers as a sidecar does, after a while, one request after another. */
export function simulatedSidecar({ answerMs }: { answerMs: number }) {
  let last = Promise.resolve()
  return Bun.serve({
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      if (new URL(request.url).pathname === '/health') return Response.json({})
      await request.arrayBuffer()
      last = last.then(() => Bun.sleep(answerMs))
      await last
      return Response.json({ model: 'simulated', segments: [{ start: 0, end: 1, text: ' word' }] })
    },
  })
}
