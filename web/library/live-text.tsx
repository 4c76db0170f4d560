import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { followEvents } from '../api/events.ts'
import type { Segment, Status } from '../api/types.ts'
import { formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import { refreshLibrary, updateRow } from './library.ts'

/** The last lines are enough to see that it works; the reading view has all of them. */
const SHOWN_SEGMENTS = 3

/** The progress of a transcription and its latest text, as it is written. */
export function LiveText({ id }: { id: string }) {
  const t = messages.value
  const status = useSignal<Status | null>(null)
  const segments = useSignal<Segment[]>([])
  useEffect(() => {
    const closed = new AbortController()
    const handlers = {
      onStatus(next: Status) {
        status.value = next
        updateRow(next)
      },
      onSegments({ segments: next }: { segments: Segment[] }) {
        segments.value = [...segments.value, ...next]
          .toSorted((a, b) => a.start - b.start)
          .slice(-SHOWN_SEGMENTS)
      },
    }
    followEvents(id, handlers, closed.signal)
      // The list shows why.
      .catch(() => {})
      .finally(() => {
        if (!closed.signal.aborted) refreshLibrary()
      })
    return () => closed.abort()
  }, [id])
  const { queue_position: position = null, estimated_seconds: seconds = null } = status.value ?? {}
  const isQueued = status.value?.status === 'queued'
  return (
    <div class="live">
      <progress
        class="progress"
        value={isQueued ? undefined : (status.value?.progress ?? 0)}
        aria-label={t.statuses.processing}
      />
      <p class="small soft">
        {[
          isQueued && position !== null ? t.queuePosition(position) : null,
          seconds === null ? null : t.remaining(formatDuration(seconds)),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {segments.value.length > 0 && (
        <p class="excerpt" dir="auto" role="log" aria-label={t.liveText}>
          {segments.value.map(({ text }) => text).join(' ')}
        </p>
      )}
    </div>
  )
}
