import { Webhook } from 'standardwebhooks'

export type Message = { id: string; headers: Record<string, string>; body: string }

/** A receiver of webhooks on this machine. What it answers, a test says; by default that it has got it. */
export function openReceiver() {
  const messages: Message[] = []
  let answer: (message: Message) => Response | Promise<Response> = ok
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const headers = Object.fromEntries(request.headers)
      const message = { id: headers['webhook-id'] ?? '', headers, body: await request.text() }
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
    /** Answers with these statuses in turn, and then that it has got it. */
    answerInTurn(...statuses: number[]) {
      answer = () => {
        const status = statuses.shift() ?? 200
        const headers = status >= 300 && status < 400 ? { Location: '/elsewhere' } : {}
        return new Response('no', { status, headers })
      }
    },
    /** Forgets what came, and answers well again. */
    reset() {
      messages.length = 0
      answer = ok
    },
    /** Once so many messages have come; the test's own time limit ends it. */
    async count(count: number): Promise<Message[]> {
      while (messages.length < count) await Bun.sleep(10)
      return messages
    },
    close: () => server.stop(true),
  }
}

const ok = () => new Response(null, { status: 204 })

/** What a message says, once the official library has found its signature right. */
export function verified({ headers, body }: Message, secret: string): unknown {
  return new Webhook(secret).verify(body, headers)
}
