import { useLayoutEffect, useRef } from 'preact/hooks'
import { authorizedFetch, responseError } from '../api/client.ts'
import { useAction } from '../api/use-action.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'
import { refreshLibrary } from '../library/library.ts'
import { fieldsOf, options } from './options.ts'

/** Lets the server download a recording. */
export function UrlForm({ url = '', onDone }: { url?: string; onDone: () => void }) {
  const t = messages.value
  const input = useRef<HTMLInputElement>(null)
  const { run, error, isBusy } = useAction()
  // A layout effect, so that no key is lost that is pressed as the form appears.
  useLayoutEffect(() => input.current?.focus(), [])

  async function submit(event: SubmitEvent) {
    event.preventDefault()
    await run(async () => {
      const response = await authorizedFetch('/api/transcribe', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ audio_url: input.current?.value, ...fieldsOf(options.value) }),
      })
      if (!response.ok) throw await responseError(response)
      await refreshLibrary()
      onDone()
    })
  }

  return (
    <form class="url-form" onSubmit={submit}>
      <input
        ref={input}
        class="input"
        type="url"
        required
        aria-label={t.urlLabel}
        placeholder="https://"
        defaultValue={url}
      />
      <button type="submit" class="button primary" disabled={isBusy.value}>
        {isBusy.value && <span class="spinner" aria-hidden="true" />}
        {t.urlSend}
      </button>
      <ErrorNotice error={error} />
    </form>
  )
}
