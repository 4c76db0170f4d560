import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { normalizedEmail } from './email.ts'
import type { PasswordLimits } from './password-limits.ts'
import type { Passwords } from './passwords.ts'
import type { Credentials, Tokens } from './sessions.service.ts'
import { hasUsers, insertFirstUser, insertUser } from './users.store.ts'

/** `first`: only the first account can be registered, and it becomes an administrator. */
export type Registration = 'first' | 'open' | 'closed'

/** Creates accounts. */
export function createRegistration({
  db,
  passwords,
  registration,
  limits,
  openSession,
}: {
  db: Database
  passwords: Passwords
  registration: Registration
  /** Null: attempts are not counted. */
  limits: PasswordLimits | null
  openSession: (userId: string) => Promise<Tokens>
}) {
  async function createAccount({ email, password }: { email: string; password: string }): Promise<string> {
    const passwordHash = await passwords.hash(password)
    const id = await insertUser(db, { email: normalizedEmail(email), passwordHash })
    if (!id) throw new VerbatimError('email_taken', 'This email is already registered: log in instead')
    return id
  }

  return {
    /** Throws `registration_closed`, `email_taken` and `rate_limited`. */
    async register({ email, password, address }: Credentials): Promise<Tokens> {
      if (registration === 'closed') throw registrationClosed()
      await limits?.beforeRegistration({ address })
      if (registration === 'open') return openSession(await createAccount({ email, password }))
      if (await hasUsers(db)) throw registrationClosed()
      const user = { email: normalizedEmail(email), passwordHash: await passwords.hash(password) }
      const id = await db.transaction((tx) => insertFirstUser(tx, user))
      if (!id) throw registrationClosed()
      return openSession(id)
    },

    /** Whether `register` can create an account now. */
    async isOpen(): Promise<boolean> {
      return registration === 'open' || (registration === 'first' && !(await hasUsers(db)))
    },

    /** Creates an account even if registration is closed, and returns its id. Throws `email_taken`. */
    createAccount,
  }
}

function registrationClosed() {
  return new VerbatimError(
    'registration_closed',
    'Registration is closed on this server: ask its administrator for an account',
  )
}
