import { useSignal } from '@preact/signals'
import { errorText } from '../api/client.ts'
import { formatDuration } from '../i18n/format.ts'
import { messages } from '../i18n/messages.ts'
import type { Reading } from './reading.ts'

/** The progress of a transcription, or why it has none. */
export function OpenState({ reading }: { reading: Reading }) {
  const t = messages.value
  const error = useSignal<string | null>(null)
  const status = reading.status.value
  if (!status || !reading.isOpen.value) return null
  const { queue_position: position, estimated_seconds: seconds } = status
  const isQueued = status.status === 'queued'
  const percent = Math.floor(status.progress * 100)
  const stop = () =>
    reading.stop().catch((reason) => {
      error.value = errorText(reason)
    })
  return (
    <section class="card stack open-state" aria-labelledby="open-title">
      <div class="row">
        <h2 id="open-title">{t.statuses[status.status]}</h2>
        <p class="small soft" aria-live="polite">
          {[
            isQueued ? (position === null ? null : t.queuePosition(position)) : `${percent} %`,
            seconds === null ? null : t.remaining(formatDuration(seconds)),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        <button type="button" class="button" onClick={stop}>
          {t.stop}
        </button>
      </div>
      <progress
        class="progress"
        value={isQueued ? undefined : status.progress}
        aria-label={t.statuses[status.status]}
      />
      <p class="small soft" role="status">
        {reading.isConnected.value
          ? reading.segments.value.length === 0
            ? t.reading.waiting
            : ''
          : t.errorOffline}
      </p>
      {error.value && (
        <p class="notice error" role="alert">
          {error}
        </p>
      )}
    </section>
  )
}

/** Why there is no complete transcript, and what to do. */
export function EndState({ reading }: { reading: Reading }) {
  const t = messages.value.reading
  const status = reading.status.value
  if (status?.status !== 'failed' && status?.status !== 'canceled') return null
  const hasText = reading.segments.value.length > 0
  return (
    <section class={`notice ${status.status === 'failed' ? 'error' : 'warn'}`} role="status">
      <h2>{status.status === 'failed' ? t.failedTitle : t.canceledTitle}</h2>
      {status.failure && <p>{status.failure.error}</p>}
      <p>
        {hasText ? `${t.partialText} ` : ''}
        {t.uploadAgain} <a href="/">{messages.value.library}</a>
      </p>
    </section>
  )
}
