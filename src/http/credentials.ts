import { t } from 'elysia'

export const newPassword = t.String({ minLength: 8, maxLength: 1024, description: 'At least 8 characters' })

/**
 * The pattern of `<input type=email>` (WHATWG HTML §4.10.5.1.5), with at least one dot in the host. `format:
 * 'email'` would depend on which plugin registered the format last.
 */
const EMAIL =
  "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"

const email = t.String({
  pattern: EMAIL,
  maxLength: 254,
  error: 'email is invalid: send an address such as ada@example.com, of at most 254 characters',
})

export const Credentials = t.Object(
  { email, password: newPassword },
  { examples: [{ email: 'ada@example.com', password: 'correct horse battery' }] },
)
