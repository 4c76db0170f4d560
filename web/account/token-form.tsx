import { responseError } from '../api/client.ts'
import { info } from '../api/info.ts'
import { startTokenSession } from '../api/session.ts'
import { useAction } from '../api/use-action.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'

/** Logs in with a token of the identity provider, or with an API key. */
export function TokenForm() {
  const t = messages.value
  const { run, error, isBusy } = useAction()

  async function submit(event: SubmitEvent & { currentTarget: HTMLFormElement }) {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token')).trim()
    await run(async () => {
      const response = await fetch('/api/auth/me', { headers: { Authorization: `Bearer ${token}` } })
      if (!response.ok) throw await responseError(response)
      startTokenSession(token)
    })
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
        <ErrorNotice error={error} />
        <button type="submit" class="button" disabled={isBusy.value}>
          {t.logIn}
        </button>
      </form>
    </details>
  )
}
