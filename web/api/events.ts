import { createParser } from 'eventsource-parser'
import { authorizedFetch, responseError } from './client.ts'
import type { Segment, Status, Transcript } from './types.ts'

export type EventHandlers = {
  onStatus?: (status: Status) => void
  onSegments?: (part: { start: number; end: number; segments: Segment[] }) => void
  /** The final speakers, with all segments. */
  onSpeakers?: (final: { speakers: Transcript['speakers']; segments: Segment[] }) => void
  onRemoved?: () => void
  /** False while the stream is interrupted. */
  onConnection?: (isConnected: boolean) => void
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 10_000

const isFinished = ({ status }: Status) => status !== 'queued' && status !== 'processing'

/**
 * Follows a transcription until it has finished or was removed, or `signal` fires. After an interruption, such as a
 * restart of the server or an expired token, it continues after the last event. Throws `ApiError` if the server refuses.
 */
export async function followEvents(id: string, handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  let lastId = ''
  let delayMs = FIRST_DELAY_MS
  let isDone = false
  const parser = createParser({
    onEvent({ event, id: eventId, data }) {
      if (eventId) lastId = eventId
      delayMs = FIRST_DELAY_MS
      isDone ||= dispatch(event, data, handlers)
    },
  })
  while (!signal.aborted && !isDone) {
    try {
      const headers = lastId ? { 'Last-Event-ID': lastId } : undefined
      const response = await authorizedFetch(`/api/transcriptions/${id}/events`, {
        signal,
        ...(headers && { headers }),
      })
      if (!response.ok) throw await responseError(response)
      handlers.onConnection?.(true)
      parser.reset()
      for await (const text of chunksOf(response)) {
        parser.feed(text)
        if (isDone) return
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isTemporary(error)) throw error
    }
    handlers.onConnection?.(false)
    await pause(delayMs, signal)
    delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)
  }
}

/** Returns whether it was the last event. */
function dispatch(event: string | undefined, data: string, handlers: EventHandlers): boolean {
  switch (event) {
    case 'status': {
      const status: Status = JSON.parse(data)
      handlers.onStatus?.(status)
      return isFinished(status)
    }
    case 'segments':
      handlers.onSegments?.(JSON.parse(data))
      return false
    case 'speakers':
      handlers.onSpeakers?.(JSON.parse(data))
      return false
    case 'removed':
      handlers.onRemoved?.()
      return true
    // `error`: the stream ends, and is opened again with a new token.
    default:
      return false
  }
}

/** Safari has no asynchronous iterator of streams. */
async function* chunksOf(response: Response): AsyncGenerator<string, void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Whether a later attempt can succeed: the network failed, or the server is overloaded or restarts. */
function isTemporary(error: unknown): boolean {
  if (error instanceof TypeError) return true
  const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 0
  return status === 429 || status >= 500
}

/** Resolves early when `signal` fires, or when the browser is online again. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      removeEventListener('online', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    addEventListener('online', done)
  })
}
