import { t } from 'elysia'

export const newPassword = t.String({ minLength: 8, maxLength: 1024, description: 'At least 8 characters' })

/** As browsers take them, with a dot in the host. (What `format: 'email'` takes is up to the last plugin that sets it.) */
const EMAIL =
  "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"

const email = t.String({
  pattern: EMAIL,
  maxLength: 254,
  error: 'email takes an address such as ada@example.com, of up to 254 letters',
})

export const Credentials = t.Object(
  { email, password: newPassword },
  { examples: [{ email: 'ada@example.com', password: 'correct horse battery' }] },
)
