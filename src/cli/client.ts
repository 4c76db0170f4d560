import { createParser } from 'eventsource-parser'
import { Refused, refusalOf, Unreachable } from './failure.ts'

/** A Verbatim service. `url` has no slash at its end; `apiKey` may also be an access token. */
export type Server = { url: string; apiKey: string }

/** The fields of a transcription's status that the command line uses. */
export type Status = {
  id: string
  status: 'queued' | 'processing' | 'completed' | 'failed' | 'canceled'
  progress: number
  queue_position: number | null
  estimated_seconds: number | null
  duration: number | null
  language: string
  filename: string | null
  created_at: string
  warnings: { code: string; message: string }[]
  failure: { code: string; error: string } | null
}

export type Page = { transcriptions: Status[]; next_cursor: string | null }

export type StreamedEvent = { event: string; id: string | undefined; data: string }

/** Three heartbeats of the server. */
const SILENCE_MS = 45_000

export const isFinished = ({ status }: Status) => status !== 'queued' && status !== 'processing'

export type Client = ReturnType<typeof createClient>

/** Requests to a service. `signal` aborts them. They throw `Unreachable` and `Refused`. */
export function createClient({ url, apiKey }: Server, signal: AbortSignal) {
  const send = (path: string, init: RequestInit = {}) => request({ url, apiKey, path, init, signal })
  const transcription = (id: string) => `/api/transcriptions/${encodeURIComponent(id)}`
  /** The connection can break within a body, and another server can answer with something else than JSON. */
  const onBrokenBody = () => {
    signal.throwIfAborted()
    throw new Unreachable(url)
  }
  async function json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await send(path, init)).json().catch(onBrokenBody)
  }

  return {
    url,

    /** Throws unless a service answers that accepts the key. */
    async check(): Promise<void> {
      await json<Page>('/api/transcriptions?limit=1')
    },

    /** Lets the server download the audio. Returns the transcription's id. */
    async submitUrl(audioUrl: string, fields: Record<string, string>, key: string): Promise<string> {
      const { transcription_id: id } = await json<{ transcription_id: string }>('/api/transcribe', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify({ ...fields, audio_url: audioUrl }),
      })
      return id
    },

    status: (id: string) => json<Status>(transcription(id)),
    list: (query: URLSearchParams) => json<Page>(`/api/transcriptions?${query}`),

    async transcript(id: string, format: string): Promise<string> {
      return (await send(`${transcription(id)}/transcript?format=${format}`)).text().catch(onBrokenBody)
    },

    async cancel(id: string): Promise<void> {
      await send(`${transcription(id)}/cancel`, { method: 'POST' })
    },

    async remove(id: string): Promise<void> {
      await send(transcription(id), { method: 'DELETE' })
    },

    /** Deletes an unfinished upload; cancels the transcription that it became. */
    async cancelUpload(path: string): Promise<void> {
      const { transcription_id: id } = await json<{ transcription_id: string | null }>(path)
      if (id === null) await send(path, { method: 'DELETE' })
      else await this.cancel(id)
    },

    /** The server-sent events of a transcription after the event `lastId`. */
    async *events(id: string, lastId: string | undefined): AsyncGenerator<StreamedEvent, void> {
      const silence = new AbortController()
      const timer = setTimeout(() => silence.abort(), SILENCE_MS)
      try {
        const { body } = await send(`${transcription(id)}/events`, {
          headers: { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) },
          signal: AbortSignal.any([signal, silence.signal]),
        })
        yield* parseEvents(body, () => timer.refresh())
      } catch (error) {
        signal.throwIfAborted()
        throw error instanceof Refused ? error : new Unreachable(url)
      } finally {
        clearTimeout(timer)
        silence.abort()
      }
    },
  }
}

export async function request({
  url,
  apiKey,
  path,
  init,
  signal,
}: {
  url: string
  apiKey: string | null
  path: string
  init: RequestInit
  signal: AbortSignal
}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (apiKey !== null) headers.set('Authorization', `Bearer ${apiKey}`)
  const response = await fetch(`${url}${path}`, { signal, ...init, headers }).catch(() => {
    signal.throwIfAborted()
    throw new Unreachable(url)
  })
  if (response.ok) return response
  throw refusalOf({ status: response.status, body: await response.text().catch(() => ''), url })
}

/** `onData` is called for every chunk, heartbeats too. */
async function* parseEvents(
  body: ReadableStream<Uint8Array> | null,
  onData: () => void,
): AsyncGenerator<StreamedEvent, void> {
  const pending: StreamedEvent[] = []
  const parser = createParser({
    onEvent: ({ event = 'message', id, data }) => pending.push({ event, id, data }),
  })
  const decoder = new TextDecoder()
  for await (const chunk of body ?? []) {
    onData()
    parser.feed(decoder.decode(chunk, { stream: true }))
    yield* pending.splice(0)
  }
}
