/** One server-sent event (WHATWG HTML §9.2), of the type `message` where it names none; `data` goes out as JSON. */
export type ServerEvent = { event?: string; id?: string; data: unknown }

const HEARTBEAT_MS = 15_000

const encoder = new TextEncoder()

/**
 * Answers with `events` as they come, and comments between them that keep the connection open. What the iterator throws
 * goes out as an `error` event with what `problem` makes of it. `left` is called when the client leaves: it must let
 * the iterator end.
 */
export function eventStream({
  events,
  problem,
  left,
  heartbeatMs = HEARTBEAT_MS,
}: {
  events: AsyncGenerator<ServerEvent, void>
  problem: (error: unknown) => unknown
  left: () => void
  heartbeatMs?: number
}): Response {
  let heart: ReturnType<typeof setInterval> | undefined
  let isLeft = false
  // A generator that is ended before it has begun leaves out its `finally`.
  let first: ReturnType<typeof events.next> | undefined = events.next()
  first.catch(() => {})
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const comment = () => controller.enqueue(encoder.encode(': \n\n'))
      // At once, so that the headers do not wait for the first event.
      comment()
      heart = setInterval(comment, heartbeatMs)
    },
    async pull(controller) {
      try {
        const { done, value } = await (first ?? events.next())
        first = undefined
        if (isLeft) return
        if (value) controller.enqueue(encoder.encode(written(value)))
        if (!done) return
      } catch (error) {
        if (isLeft) return
        controller.enqueue(encoder.encode(written({ event: 'error', data: problem(error) })))
      }
      clearInterval(heart)
      controller.close()
    },
    async cancel() {
      isLeft = true
      clearInterval(heart)
      left()
      await events.return()
    },
  })
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // Proxies such as nginx would gather events up.
      'X-Accel-Buffering': 'no',
    },
  })
}

/**
 * `events`, and at their end the reason why the caller's credential is not valid any more, if that ended them. `done` is called
 * in any case.
 */
export async function* whileValid<T>(
  events: AsyncGenerator<T, void>,
  { credential, done }: { credential: AbortSignal; done: () => void },
): AsyncGenerator<T, void> {
  try {
    yield* events
    credential.throwIfAborted()
  } finally {
    done()
  }
}

function written({ event, id, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
}
