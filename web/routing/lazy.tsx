import { type Signal, signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { errorText } from '../api/client.ts'
import { messages } from '../i18n/messages.ts'

type Loaded<P> = { view: ComponentType<P> } | { error: unknown }

/** A component whose code is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const loaded: Signal<Loaded<P> | null> = signal(null)
  let isLoading = false
  async function start() {
    isLoading = true
    try {
      loaded.value = { view: await load() }
    } catch (error) {
      loaded.value = { error }
    }
    isLoading = false
  }
  return function Lazy(props: P) {
    if (!loaded.value && !isLoading) start()
    if (!loaded.value) return <Loading />
    if ('view' in loaded.value) {
      const View = loaded.value.view
      return <View {...props} />
    }
    // A new version of the server no longer has the old files.
    return (
      <div class="center">
        <p role="alert">{errorText(loaded.value.error)}</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          {messages.value.retry}
        </button>
      </div>
    )
  }
}

export function Loading() {
  return (
    <div class="center" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="visually-hidden">{messages.value.loading}</span>
    </div>
  )
}
