import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { logOut } from '../account/log-out.ts'
import { PasswordField } from '../account/password-field.tsx'
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
        <PasswordField id="current-password" name="current" label={t.currentPassword} />
        <PasswordField id="new-password" name="new" label={t.newPassword} isNew />
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
        <PasswordField id="delete-password" name="password" label={t.password} required={false} />
        <ErrorNotice error={error} />
        <button type="submit" class="button danger" disabled={isBusy.value}>
          {t.deleteAccount}
        </button>
      </form>
    </details>
  )
}
