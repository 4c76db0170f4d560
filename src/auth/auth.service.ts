import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Passwords } from './passwords.ts'
import { findUserByEmail, insertUser } from './users.store.ts'

export type AuthService = ReturnType<typeof createAuthService>

/** `register` and `login` give the user's id. */
export function createAuthService({
  db,
  passwords,
  registration,
}: {
  db: Database
  passwords: Passwords
  registration: 'open' | 'closed'
}) {
  /** Verified against when the user is unknown, so that both refusals take the same time. */
  const decoy = passwords.hash(crypto.randomUUID())

  return {
    /** Throws `registration_closed` and `email_taken`. */
    async register({ email, password }: { email: string; password: string }): Promise<string> {
      if (registration === 'closed') {
        throw new VerbatimError('registration_closed', 'Registration is closed on this server')
      }
      const id = await insertUser(db, { email: plain(email), passwordHash: await passwords.hash(password) })
      if (!id) throw new VerbatimError('email_taken', 'This email is registered already')
      return id
    },

    /** Throws `invalid_credentials`, alike for an unknown user and a wrong password. */
    async login({ email, password }: { email: string; password: string }): Promise<string> {
      const user = await findUserByEmail(db, plain(email))
      const right = await passwords.verify(password, user?.passwordHash ?? (await decoy))
      if (!user || !right) throw new VerbatimError('invalid_credentials', 'Wrong email or password')
      return user.id
    },
  }
}

function plain(email: string) {
  return email.trim().toLowerCase()
}
