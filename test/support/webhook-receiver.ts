import { Webhook } from 'standardwebhooks'

export type Message = { id: string; method: string; headers: Record<string, string>; body: string }

/** A local receiver of webhooks. It acknowledges messages unless a test sets another response. */
export function openReceiver() {
  const messages: Message[] = []
  let answer: (message: Message) => Response | Promise<Response> = ok
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const headers = Object.fromEntries(request.headers)
      const { method } = request
      const message = { id: headers['webhook-id'] ?? '', method, headers, body: await request.text() }
      messages.push(message)
      return answer(message)
    },
  })

  return {
    url: `http://127.0.0.1:${server.port}/hook`,
    messages,
    answer(how: typeof answer) {
      answer = how
    },
    /** Responds with these statuses in turn, and then acknowledges. */
    answerInTurn(...statuses: number[]) {
      answer = () => {
        const status = statuses.shift() ?? 200
        const headers = status >= 300 && status < 400 ? { Location: '/elsewhere' } : {}
        return new Response('no', { status, headers })
      }
    },
    /** Discards the received messages, and acknowledges again. */
    reset() {
      messages.length = 0
      answer = ok
    },
    /** Resolves once this many messages have arrived; the test's timeout bounds the wait. */
    async count(count: number): Promise<Message[]> {
      while (messages.length < count) await Bun.sleep(10)
      return messages
    },
    close: () => server.stop(true),
  }
}

const ok = () => new Response(null, { status: 204 })

/** The message's body, after the official library has verified its signature. */
export function verified({ headers, body }: Message, secret: string): unknown {
  return new Webhook(secret).verify(body, headers)
}
