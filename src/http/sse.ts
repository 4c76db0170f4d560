/**
 * A server-sent event (WHATWG HTML §9.2). Its type is `message` if `event` is missing. `data` is sent as
 * JSON.
 */
export type ServerEvent = { event?: string; id?: string; data: unknown }

const HEARTBEAT_MS = 15_000

const encoder = new TextEncoder()

/**
 * Streams `events`, with comments as heartbeats that keep the connection open. An error of the iterator is
 * sent as an `error` event, formatted by `problem`. `left` is called when the client disconnects, and must
 * let the iterator end.
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
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let hasLeft = false
  // Start the generator now: `return()` on a generator that never ran skips its `finally`.
  let first: ReturnType<typeof events.next> | undefined = events.next()
  first.catch(() => {})
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const comment = () => controller.enqueue(encoder.encode(': \n\n'))
      // Send a comment at once, so that the headers do not wait for the first event.
      comment()
      heartbeat = setInterval(comment, heartbeatMs)
    },
    async pull(controller) {
      try {
        const { done, value } = await (first ?? events.next())
        first = undefined
        if (hasLeft) return
        if (value) controller.enqueue(encoder.encode(serialize(value)))
        if (!done) return
      } catch (error) {
        if (hasLeft) return
        controller.enqueue(encoder.encode(serialize({ event: 'error', data: problem(error) })))
      }
      clearInterval(heartbeat)
      controller.close()
    },
    async cancel() {
      hasLeft = true
      clearInterval(heartbeat)
      left()
      await events.return()
    },
  })
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // Otherwise proxies such as nginx buffer events.
      'X-Accel-Buffering': 'no',
    },
  })
}

/**
 * Yields `events`, and then throws if they ended because the caller's credential became invalid. `done` is
 * called in any case.
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

function serialize({ event, id, data }: ServerEvent): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  const eventLine = event === undefined ? '' : `event: ${event}\n`
  return `${idLine}${eventLine}data: ${JSON.stringify(data)}\n\n`
}
