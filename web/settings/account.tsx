import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { logOut } from '../account/log-out.ts'
import { account, refreshAccount } from '../api/account.ts'
import { api, unwrap } from '../api/client.ts'
import { endSession } from '../api/session.ts'
import { useAction } from '../api/use-action.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'

type FormSubmit = SubmitEvent & { currentTarget: HTMLFormElement }

/** The account: its password, and its deletion. */
export function Account() {
  const t = messages.value
  useEffect(() => {
    refreshAccount().catch(() => {})
  }, [])
  return (
    <section class="stack" aria-labelledby="account">
      <h2 id="account">{t.account}</h2>
      {account.value?.email && <p>{t.loggedInAs(account.value.email)}</p>}
      <button type="button" class="button" onClick={logOut}>
        {t.logOut}
      </button>
      <PasswordForm />
      <DeleteForm />
    </section>
  )
}

function PasswordForm() {
  const t = messages.value
  const { run, error, isBusy } = useAction()
  const isChanged = useSignal(false)
  async function submit(event: FormSubmit) {
    event.preventDefault()
    const form = event.currentTarget
    const data = new FormData(form)
    isChanged.value = await run(() =>
      unwrap(
        api.auth.password.post({
          current_password: String(data.get('current')),
          new_password: String(data.get('new')),
        }),
      ),
    )
    if (isChanged.value) form.reset()
  }
  return (
    <details>
      <summary>{t.changePassword}</summary>
      <form class="stack narrow" onSubmit={submit}>
        <div class="field">
          <label for="current-password">{t.currentPassword}</label>
          <input
            class="input"
            id="current-password"
            name="current"
            type="password"
            autocomplete="current-password"
            required
          />
        </div>
        <div class="field">
          <label for="new-password">{t.newPassword}</label>
          <input
            class="input"
            id="new-password"
            name="new"
            type="password"
            autocomplete="new-password"
            minLength={8}
            required
            aria-describedby="new-password-hint"
          />
          <span class="hint" id="new-password-hint">
            {t.passwordHint}
          </span>
        </div>
        <ErrorNotice error={error} />
        <p role="status">{isChanged.value && t.passwordChanged}</p>
        <button type="submit" class="button" disabled={isBusy.value}>
          {t.changePassword}
        </button>
      </form>
    </details>
  )
}

function DeleteForm() {
  const t = messages.value
  const { run, error, isBusy } = useAction()
  async function submit(event: FormSubmit) {
    event.preventDefault()
    const password = String(new FormData(event.currentTarget).get('password'))
    const isDeleted = await run(() => unwrap(api.auth.me.delete(password ? { password } : {})))
    if (!isDeleted) return
    endSession({ isExpected: true })
    location.assign('/')
  }
  return (
    <details>
      <summary>{t.deleteAccount}</summary>
      <form class="stack narrow" onSubmit={submit}>
        <p class="notice error">{t.deleteAccountLead}</p>
        <div class="field">
          <label for="delete-password">{t.password}</label>
          <input
            class="input"
            id="delete-password"
            name="password"
            type="password"
            autocomplete="current-password"
          />
        </div>
        <ErrorNotice error={error} />
        <button type="submit" class="button danger" disabled={isBusy.value}>
          {t.deleteAccount}
        </button>
      </form>
    </details>
  )
}
