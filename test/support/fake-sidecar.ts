import { BYTES_PER_SECOND } from '../../src/media/media.ts'
import { hearConversation } from './conversation.ts'

const HEADER_BYTES = 44

type Heard = { text: string; answer: object }

/** The text of each span is the checksum of its samples, so that a transcript shows which samples were sent. */
function namingSamples(pcm: Uint8Array): Heard {
  const text = `span-${Bun.hash.crc32(pcm).toString(16)}`
  const segments = [{ start: 0, end: pcm.length / BYTES_PER_SECOND, text: ` ${text}`, language: 'en' }]
  return { text, answer: { model: 'fake', segments } }
}

/** Hears a recording by `conversationPcm`, with its speakers if the request asks for them. */
export function hearingConversation(body: Uint8Array, query: URLSearchParams): Heard {
  const bytesOf = (name: string) => Number(query.get(name) ?? 0) * BYTES_PER_SECOND
  const [start, end] = [bytesOf('context_before'), body.length - bytesOf('context_after')]
  const context = { before: body.subarray(0, start), after: body.subarray(end) }
  const diarize = query.get('speakers') === 'true' ? context : null
  const { detected: _, ...answer } = hearConversation({ pcm: body.slice(start, end), diarize })
  return { text: answer.segments.map(({ text }) => text).join(''), answer }
}

/**
 * A sidecar without a model, which `hear`s without one. While it is held, it answers only the `allowed` next
 * spans.
 */
export function startFakeSidecar({ hear = namingSamples }: { hear?: typeof hearingConversation } = {}) {
  const received: string[] = []
  let allowed = Number.POSITIVE_INFINITY
  let changed = Promise.withResolvers<void>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/health') return new Response()
      if (pathname === '/info') return Response.json({ model_id: 'fake' })
      const pcm = (await request.bytes()).subarray(HEADER_BYTES)
      const left = new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
      while (allowed === 0 && !request.signal.aborted) await Promise.race([changed.promise, left])
      if (request.signal.aborted) return new Response(null, { status: 503 })
      allowed--
      const { text, answer } = hear(pcm, new URL(request.url).searchParams)
      received.push(text)
      return Response.json(answer)
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
