import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { transcriptionsOf } from '../transcriptions/transcriptions.store.ts'
import { uploadsOf } from '../uploads/uploads.store.ts'
import { hashOf, newRefreshToken } from './opaque-tokens.ts'
import { DECOY, type Passwords } from './passwords.ts'
import { endSessionOf, endSessions, insertSession, rotate } from './sessions.store.ts'
import {
  findUser,
  findUserByEmail,
  holdUser,
  insertUser,
  removeUser,
  setPasswordHash,
  type User,
} from './users.store.ts'

export type AuthService = ReturnType<typeof createAuthService>

/** `address`: where the request comes from, where that is known. */
type Credentials = { email: string; password: string; address: string | null }

export type Tokens = { accessToken: string; refreshToken: string }

/** Accounts and their sessions. `register`, `login` and `refresh` give a session's tokens. */
export function createAuthService({
  db,
  passwords,
  registration,
  accessTokens,
  signInRate,
  removeFiles,
  forgetCallers,
}: {
  db: Database
  passwords: Passwords
  registration: 'open' | 'closed'
  accessTokens: { sign(claims: { sub: string; sid: string }): Promise<string> }
  /** Counts what is tried for an account and from an address; null: it is not counted. */
  signInRate: ((key: string) => Promise<unknown>) | null
  /** Removes what is stored of what these ids were the rows of. */
  removeFiles: (gone: { transcriptions: string[]; uploads: string[] }) => Promise<void>
  /** Called when sessions have ended. */
  forgetCallers: () => void
}) {
  async function open(userId: string): Promise<Tokens> {
    const refreshToken = newRefreshToken()
    const refreshHash = await hashOf(refreshToken)
    const sid = await db.transaction((tx) => insertSession(tx, { userId, refreshHash }))
    return { accessToken: await accessTokens.sign({ sub: userId, sid }), refreshToken }
  }

  async function existing(userId: string): Promise<User> {
    const user = await findUser(db, userId)
    if (!user) throw new VerbatimError('unauthorized', 'The account no longer exists')
    return user
  }

  /** Throws `rate_limited`. */
  async function count({ email, address }: { email: string | null; address: string | null }) {
    if (address !== null) await signInRate?.(`address ${address}`)
    if (email !== null) await signInRate?.(`account ${plain(email)}`)
  }

  return {
    /** Throws `registration_closed`, `email_taken` and `rate_limited`. */
    async register({ email, password, address }: Credentials): Promise<Tokens> {
      if (registration === 'closed') {
        throw new VerbatimError('registration_closed', 'Registration is closed on this server')
      }
      await count({ email, address })
      const id = await insertUser(db, { email: plain(email), passwordHash: await passwords.hash(password) })
      if (!id) throw new VerbatimError('email_taken', 'This email is registered already')
      return open(id)
    },

    /** Throws `invalid_credentials`, alike for an unknown user and a wrong password, and `rate_limited`. */
    async login({ email, password, address }: Credentials): Promise<Tokens> {
      await count({ email, address })
      const user = await findUserByEmail(db, plain(email))
      const right = await passwords.verify(password, user?.passwordHash ?? DECOY)
      if (!user || !right) throw new VerbatimError('invalid_credentials', 'Wrong email or password')
      return open(user.id)
    },

    /**
     * Takes a refresh token for new tokens. It can be used once: when it comes again, someone else may have it, and the
     * session ends. Throws `invalid_refresh_token`.
     */
    async refresh(token: string): Promise<Tokens> {
      const refreshToken = newRefreshToken()
      const [hash, next] = await Promise.all([hashOf(token), hashOf(refreshToken)])
      const rotated = await db.transaction((tx) => rotate(tx, { hash, next }))
      if (!rotated) {
        if (await endSessionOf(db, { hash, onlyUsed: true })) forgetCallers()
        throw new VerbatimError(
          'invalid_refresh_token',
          'The refresh token is not valid, was used before, or has expired: log in again',
        )
      }
      const { userId: sub, sessionId: sid } = rotated
      return { accessToken: await accessTokens.sign({ sub, sid }), refreshToken }
    },

    /** Ends the session of a refresh token; of one that is unknown there is none to end. */
    async logout(token: string): Promise<void> {
      if (await endSessionOf(db, { hash: await hashOf(token) })) forgetCallers()
    },

    async me(userId: string) {
      const { id, email, role, createdAt } = await existing(userId)
      return { id, email, role, created_at: createdAt.toISOString() }
    },

    /** Ends all other sessions too. Throws `no_password`, `wrong_password` and `rate_limited`. */
    async changePassword({
      userId,
      sessionId,
      current,
      next,
    }: {
      userId: string
      sessionId: string | null
      current: string
      next: string
    }): Promise<void> {
      const user = await existing(userId)
      if (user.passwordHash === null) {
        throw new VerbatimError('no_password', 'This account logs in elsewhere: it has no password here')
      }
      await check(current, user)
      const nextHash = await passwords.hash(next)
      await db.transaction(async (tx) => {
        await setPasswordHash(tx, { id: userId, passwordHash: nextHash })
        await endSessions(tx, { userId, except: sessionId })
      })
      forgetCallers()
    },

    /**
     * Removes an account with all that is its own: what runs for it stops, and no file stays. Throws `wrong_password` and
     * `rate_limited`.
     */
    async remove({ userId, password }: { userId: string; password: string | undefined }): Promise<void> {
      const user = await existing(userId)
      if (user.passwordHash !== null) await check(password ?? '', user)
      const gone = await db.transaction(async (tx) => {
        // What is being uploaded is written down first, and goes too.
        await holdUser(tx, { id: userId, strength: 'update' })
        const rows = {
          transcriptions: await transcriptionsOf(tx, userId),
          uploads: await uploadsOf(tx, userId),
        }
        await removeUser(tx, userId)
        return rows
      })
      forgetCallers()
      await removeFiles(gone)
    },
  }

  async function check(password: string, { email, passwordHash }: User) {
    await count({ email, address: null })
    if (!(await passwords.verify(password, passwordHash ?? DECOY))) {
      throw new VerbatimError('wrong_password', 'The password is wrong')
    }
  }
}

function plain(email: string) {
  return email.trim().toLowerCase()
}
