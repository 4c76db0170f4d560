import { computed, signal } from '@preact/signals'
import { ApiError, api, authorizedFetch, errorText, responseError, unwrap } from '../api/client.ts'
import { followEvents } from '../api/events.ts'
import type { Segment, Status, Transcript } from '../api/types.ts'
import { blocksOf } from './blocks.ts'
import { createTimeline } from './timeline.ts'

export type Speaker = NonNullable<Transcript['speakers']>[number]
export type Reading = ReturnType<typeof createReading>

const RETRY_MS = 5_000

const isUnfinished = ({ status }: Status) => status === 'queued' || status === 'processing'

/** What the view of one transcription shows, kept up to date until `close`. */
export function createReading(id: string) {
  const status = signal<Status | null>(null)
  const segments = signal<readonly Segment[]>([])
  const speakers = signal<readonly Speaker[]>([])
  /** Null until it has finished. */
  const transcript = signal<Transcript | null>(null)
  const error = signal<string | null>(null)
  const isMissing = signal(false)
  const isConnected = signal(true)
  const blocks = computed(() => blocksOf(segments.value))
  const timeline = computed(() => createTimeline(blocks.value))
  const closed = new AbortController()
  let retry: ReturnType<typeof setTimeout> | undefined

  function fail(reason: unknown) {
    if (closed.signal.aborted) return
    if (reason instanceof ApiError && reason.status === 404) isMissing.value = true
    else error.value = errorText(reason)
  }

  async function loadTranscript() {
    // Eden's type of this response is that of all formats.
    const response = await authorizedFetch(`/api/transcriptions/${id}/transcript?format=json&partial=true`, {
      signal: closed.signal,
    })
    if (!response.ok) throw await responseError(response)
    const loaded: Transcript = await response.json()
    speakers.value = loaded.speakers ?? []
    segments.value = loaded.segments
    transcript.value = loaded
  }

  async function follow() {
    // The events repeat what the client has already received only after an interruption.
    const parts = new Map<string, Segment[]>()
    const handlers = {
      onStatus(next: Status) {
        status.value = next
      },
      onSegments({ start, end, segments: part }: { start: number; end: number; segments: Segment[] }) {
        parts.set(`${start} ${end} ${part[0]?.channel}`, part)
        segments.value = [...parts.values()].flat()
      },
      onRemoved() {
        isMissing.value = true
      },
      onConnection(next: boolean) {
        isConnected.value = next
      },
    }
    await followEvents(id, handlers, closed.signal)
  }

  async function load() {
    clearTimeout(retry)
    try {
      status.value = await unwrap(api.transcriptions({ id }).get())
      if (isUnfinished(status.value)) await follow()
      if (!closed.signal.aborted && !isMissing.value) await loadTranscript()
      error.value = null
    } catch (reason) {
      fail(reason)
    }
    if (error.value !== null) retry = setTimeout(load, RETRY_MS)
  }

  return {
    id,
    status,
    segments,
    speakers,
    transcript,
    error,
    isMissing,
    isConnected,
    blocks,
    timeline,
    isOpen: computed(() => status.value !== null && isUnfinished(status.value)),
    nameOf(speaker: string): string | null {
      return speakers.value.find((known) => known.id === speaker)?.name ?? null
    },
    load,
    /** Reads the status for a new link of the audio. */
    async refreshStatus(): Promise<void> {
      status.value = await unwrap(api.transcriptions({ id }).get())
    },
    /** Gives speakers names; null takes a name away. Throws `ApiError`. */
    async renameSpeakers(names: Record<string, string | null>): Promise<void> {
      const before = speakers.value.length
      const named = await unwrap(api.transcriptions({ id }).speakers.patch(names))
      speakers.value = named.speakers ?? []
      // The segments of merged or separated speakers have other ids.
      if (speakers.value.length !== before) await loadTranscript()
    },
    async stop(): Promise<void> {
      await unwrap(api.transcriptions({ id }).cancel.post())
    },
    close() {
      clearTimeout(retry)
      closed.abort()
    },
  }
}
