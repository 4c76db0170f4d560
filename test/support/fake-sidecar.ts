import { BYTES_PER_SECOND } from '../../src/media/media.ts'

const HEADER_BYTES = 44

/**
 * A sidecar whose text for each span is the checksum of its samples, so that a transcript shows which samples
 * were sent. While it is held, it answers only the `allowed` next spans.
 */
export function startFakeSidecar() {
  const received: string[] = []
  let allowed = Number.POSITIVE_INFINITY
  let changed = Promise.withResolvers<void>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      if (new URL(request.url).pathname === '/health') return new Response()
      const pcm = (await request.bytes()).subarray(HEADER_BYTES)
      const left = new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
      while (allowed === 0 && !request.signal.aborted) await Promise.race([changed.promise, left])
      if (request.signal.aborted) return new Response(null, { status: 503 })
      allowed--
      const text = nameOf(pcm)
      received.push(text)
      const segments = [{ start: 0, end: pcm.length / BYTES_PER_SECOND, text: ` ${text}`, language: 'en' }]
      return Response.json({ model: 'fake', segments })
    },
  })

  function allow(spans: number) {
    allowed = spans
    changed.resolve()
    changed = Promise.withResolvers()
  }

  return {
    url: `http://127.0.0.1:${server.port}`,
    /** The texts of the answered spans, in order. */
    received,
    /** Answers this many more spans; the others wait. */
    allow,
    release: () => allow(Number.POSITIVE_INFINITY),
    async stop() {
      allow(Number.POSITIVE_INFINITY)
      await server.stop(true)
    },
  }
}

const nameOf = (pcm: Uint8Array): string => `span-${Bun.hash.crc32(pcm).toString(16)}`
