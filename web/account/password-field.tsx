import { messages } from '../i18n/messages.ts'

/** A password: the account's own, or with `isNew` one to choose, with the rule for it. */
export function PasswordField({
  id,
  name,
  label,
  isNew = false,
  required = true,
}: {
  id: string
  name: string
  label: string
  isNew?: boolean
  required?: boolean
}) {
  const t = messages.value
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        class="input"
        id={id}
        name={name}
        type="password"
        autocomplete={isNew ? 'new-password' : 'current-password'}
        required={required}
        minLength={isNew ? 8 : undefined}
        aria-describedby={isNew ? `${id}-hint` : undefined}
      />
      {isNew && (
        <span class="hint" id={`${id}-hint`}>
          {t.passwordHint}
        </span>
      )}
    </div>
  )
}
