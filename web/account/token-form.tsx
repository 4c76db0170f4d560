import { useSignal } from '@preact/signals'
import { errorText, responseError } from '../api/client.ts'
import { info } from '../api/info.ts'
import { startTokenSession } from '../api/session.ts'
import { messages } from '../i18n/messages.ts'

/** Logs in with a token of the identity provider, or with an API key. */
export function TokenForm() {
  const t = messages.value
  const error = useSignal<string | null>(null)

  async function submit(event: SubmitEvent & { currentTarget: HTMLFormElement }) {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token')).trim()
    error.value = null
    try {
      const response = await fetch('/api/auth/me', { headers: { Authorization: `Bearer ${token}` } })
      if (!response.ok) throw await responseError(response)
      startTokenSession(token)
    } catch (failure) {
      error.value = errorText(failure)
    }
  }

  return (
    <details open={info.value?.identity_provider != null}>
      <summary>{t.tokenTitle}</summary>
      <form onSubmit={submit}>
        <div class="field">
          <label for="token">{t.token}</label>
          <input
            class="input"
            id="token"
            name="token"
            autocomplete="off"
            required
            aria-describedby="token-hint"
          />
          <span class="hint" id="token-hint">
            {t.tokenLead(info.value?.identity_provider ?? null)}
          </span>
        </div>
        {error.value && (
          <p class="notice error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="button">
          {t.logIn}
        </button>
      </form>
    </details>
  )
}
