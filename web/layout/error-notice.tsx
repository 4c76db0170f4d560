import type { ReadonlySignal } from '@preact/signals'

/** Announces an error, if there is one. */
export function ErrorNotice({ error }: { error: ReadonlySignal<string | null> }) {
  if (error.value === null) return null
  return (
    <p class="notice error" role="alert">
      {error.value}
    </p>
  )
}
