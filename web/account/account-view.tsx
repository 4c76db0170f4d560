import { useEffect } from 'preact/hooks'
import { api, unwrap } from '../api/client.ts'
import { info, refreshInfo } from '../api/info.ts'
import { hasSessionEnded, session, startSession } from '../api/session.ts'
import { useAction } from '../api/use-action.ts'
import { messages } from '../i18n/messages.ts'
import { ErrorNotice } from '../layout/error-notice.tsx'
import { navigate } from '../routing/router.ts'
import { PasswordField } from './password-field.tsx'
import { TokenForm } from './token-form.tsx'

/** The forms to log in and to create an account. */
export function AccountView({ isSignUp }: { isSignUp: boolean }) {
  const t = messages.value
  useEffect(() => {
    refreshInfo().catch(() => {})
  }, [])
  return (
    <div class="account">
      <header>
        <h1>{isSignUp ? t.signUpTitle : t.logInTitle}</h1>
        <p class="soft">{isSignUp ? t.signUpLead : t.logInLead}</p>
      </header>
      {hasSessionEnded.value && (
        <p class="notice" role="status">
          {t.sessionEnded}
        </p>
      )}
      <PasswordForm isSignUp={isSignUp} />
      <OtherForm isSignUp={isSignUp} />
      {!isSignUp && <TokenForm />}
    </div>
  )
}

function PasswordForm({ isSignUp }: { isSignUp: boolean }) {
  const t = messages.value
  const { run, error, isBusy } = useAction()

  async function submit(event: SubmitEvent & { currentTarget: HTMLFormElement }) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const credentials = { email: String(form.get('email')), password: String(form.get('password')) }
    const { register, login } = api.auth
    await run(async () => startSession(await unwrap((isSignUp ? register : login).post(credentials))))
    if (session.value && ['/login', '/signup'].includes(location.pathname)) navigate('/', { replaces: true })
  }

  return (
    <form onSubmit={submit}>
      <div class="field">
        <label for="email">{t.email}</label>
        <input class="input" id="email" name="email" type="email" autocomplete="username" required />
      </div>
      <PasswordField id="password" name="password" label={t.password} isNew={isSignUp} />
      <ErrorNotice error={error} />
      <button type="submit" class="button primary" disabled={isBusy.value}>
        {isSignUp ? t.signUp : t.logIn}
      </button>
    </form>
  )
}

/** The way to the other form. There is none to sign up while the server accepts no accounts. */
function OtherForm({ isSignUp }: { isSignUp: boolean }) {
  const t = messages.value
  if (isSignUp) {
    return (
      <p class="soft">
        {t.haveAccount} <a href="/login">{t.logIn}</a>
      </p>
    )
  }
  if (!info.value) return null
  if (!info.value.registration) return <p class="soft">{t.registrationClosed}</p>
  return (
    <p class="soft">
      {t.noAccount} <a href="/signup">{t.signUp}</a>
    </p>
  )
}
