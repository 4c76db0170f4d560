import { Webhook } from 'standardwebhooks'
import type { Recording } from './recordings.ts'
import type { Tally } from './tally.ts'

/** Of first attempts that are answered with 500. */
const REFUSED_SHARE = 0.2

/** What the users run themselves: it hears webhooks, and gives recordings to who fetches them. */
export function openHost({
  recordings,
  random,
  tally,
}: {
  recordings: Recording[]
  random: () => number
  tally: Tally
}) {
  const secrets = new Map<string, string>()
  const received = new Set<string>()
  const refused = new Set<string>()
  /** The transcriptions that were told of. */
  const told = new Set<string>()

  async function hear(request: Request, path: string): Promise<Response> {
    const id = request.headers.get('webhook-id') ?? ''
    const body = await request.text()
    const secret = secrets.get(path)
    if (!secret) return new Response(null, { status: 204 })
    if (!received.has(id) && !refused.has(id) && random() < REFUSED_SHARE) {
      refused.add(id)
      return new Response('not now', { status: 500 })
    }
    try {
      new Webhook(secret).verify(body, Object.fromEntries(request.headers))
    } catch (error) {
      tally.fault('message with a wrong signature', String(error))
    }
    received.add(id)
    const { data }: { data: { id?: string } } = JSON.parse(body)
    if (data.id) told.add(data.id)
    return new Response(null, { status: 204 })
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const [, place, name = ''] = pathname.split('/')
      if (place === 'hooks') return hear(request, pathname)
      const recording = recordings.find((one) => one.name === decodeURIComponent(name))
      return recording ? new Response(recording.audio) : new Response(null, { status: 404 })
    },
  })
  const url = `http://127.0.0.1:${server.port}`

  return {
    received,
    refused,
    told,
    /** A URL for a webhook, whose messages are to be signed with what `sign` is told. */
    hook() {
      const path = `/hooks/${crypto.randomUUID()}`
      return { url: `${url}${path}`, sign: (secret: string) => secrets.set(path, secret) }
    },
    audioUrl: (recording: Recording, filename: string) =>
      `${url}/audio/${encodeURIComponent(recording.name)}/${encodeURIComponent(filename)}`,
    close: () => server.stop(true),
  }
}

export type Host = ReturnType<typeof openHost>
