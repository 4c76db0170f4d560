import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { transcriptionsOf } from '../transcriptions/transcriptions.store.ts'
import { uploadsOf } from '../tus/uploads.store.ts'
import { hashOf, newRefreshToken } from './opaque-tokens.ts'
import { DECOY, type Passwords } from './passwords.ts'
import type { RefreshChain } from './refresh-tokens.ts'
import { findReplacement } from './replacement.ts'
import { endSessionOf, endSessions, insertSession, rotate } from './sessions.store.ts'
import {
  findUser,
  findUserByEmail,
  hasUsers,
  holdUser,
  insertFirstUser,
  insertUser,
  removeUser,
  setPasswordHash,
  type User,
} from './users.store.ts'

export type AuthService = ReturnType<typeof createAuthService>

/** `address`: where the request comes from, where that is known. */
type Credentials = { email: string; password: string; address: string | null }

export type Tokens = { accessToken: string; refreshToken: string }

/** `first`: only the first account of all may be registered, which becomes an administrator's. */
export type Registration = 'first' | 'open' | 'closed'

/** Counts attempts: `before…` throws `rate_limited`, `after…` is called when the password was right. */
export type SignInLimits = {
  beforeRegistration(from: { address: string | null }): Promise<void>
  beforeLogin(who: { email: string; address: string | null }): Promise<void>
  afterLogin(who: { email: string; address: string | null }): Promise<void>
  beforePassword(who: Session): Promise<void>
  afterPassword(who: Session): Promise<void>
}

/** `sessionId`: null for a user of an identity provider. */
type Session = { userId: string; sessionId: string | null }

/** Accounts and their sessions. `register`, `login` and `refresh` return a session's tokens. */
export function createAuthService({
  db,
  passwords,
  registration,
  accessTokens,
  refreshChain,
  limits,
  removeFiles,
  forgetCallers,
}: {
  db: Database
  passwords: Passwords
  registration: Registration
  accessTokens: { sign(claims: { sub: string; sid: string }): Promise<string> }
  refreshChain: RefreshChain
  /** Null: attempts are not counted. */
  limits: SignInLimits | null
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

  async function createAccount({ email, password }: { email: string; password: string }): Promise<string> {
    const id = await insertUser(db, { email: plain(email), passwordHash: await passwords.hash(password) })
    if (!id) throw new VerbatimError('email_taken', 'This email is registered already')
    return id
  }

  return {
    /** Throws `registration_closed`, `email_taken` and `rate_limited`. */
    async register({ email, password, address }: Credentials): Promise<Tokens> {
      if (registration === 'closed') throw registrationClosed()
      await limits?.beforeRegistration({ address })
      if (registration === 'open') return open(await createAccount({ email, password }))
      if (await hasUsers(db)) throw registrationClosed()
      const user = { email: plain(email), passwordHash: await passwords.hash(password) }
      const id = await db.transaction((tx) => insertFirstUser(tx, user))
      if (!id) throw registrationClosed()
      return open(id)
    },

    /** Creates an account whoever may register, and returns its id. Throws `email_taken`. */
    createAccount,

    /** Throws `invalid_credentials`, alike for an unknown user and a wrong password, and `rate_limited`. */
    async login({ email, password, address }: Credentials): Promise<Tokens> {
      const who = { email: plain(email), address }
      await limits?.beforeLogin(who)
      const user = await findUserByEmail(db, who.email)
      const isRight = await passwords.verify(password, user?.passwordHash ?? DECOY)
      // Without a password of its own, an account would be opened by the decoy's.
      if (!user?.passwordHash || !isRight) {
        throw new VerbatimError('invalid_credentials', 'Wrong email or password')
      }
      await limits?.afterLogin(who)
      return open(user.id)
    },

    /**
     * Takes a refresh token for new tokens. It can be used once. Used again within seconds, by a second tab or since the answer
     * was lost, it is answered with the same successor; later, someone else may have it, and the session ends. Throws
     * `invalid_refresh_token`.
     */
    async refresh(token: string): Promise<Tokens> {
      const [refreshToken] = await refreshChain(token)
      const [hash, next] = await Promise.all([hashOf(token), hashOf(refreshToken)])
      const rotated = await db.transaction((tx) => rotate(tx, { hash, next }))
      const session = rotated
        ? { ...rotated, refreshToken }
        : await findReplacement({ db, refreshChain }, token)
      if (!session) {
        if (await endSessionOf(db, { hash, onlyUsed: true })) forgetCallers()
        throw new VerbatimError(
          'invalid_refresh_token',
          'The refresh token is not valid, was used before, or has expired: log in again',
        )
      }
      const accessToken = await accessTokens.sign({ sub: session.userId, sid: session.sessionId })
      return { accessToken, refreshToken: session.refreshToken }
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
    }: Session & { current: string; next: string }): Promise<void> {
      const user = await existing(userId)
      if (user.passwordHash === null) {
        throw new VerbatimError('no_password', 'This account logs in elsewhere: it has no password here')
      }
      await check(current, { user, sessionId })
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
    async remove({ userId, sessionId, password }: Session & { password: string | undefined }): Promise<void> {
      const user = await existing(userId)
      if (user.passwordHash !== null) await check(password ?? '', { user, sessionId })
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

  async function check(password: string, { user, sessionId }: { user: User; sessionId: string | null }) {
    const who = { userId: user.id, sessionId }
    await limits?.beforePassword(who)
    if (user.passwordHash === null || !(await passwords.verify(password, user.passwordHash))) {
      throw new VerbatimError('wrong_password', 'The password is wrong')
    }
    await limits?.afterPassword(who)
  }
}

function registrationClosed() {
  return new VerbatimError(
    'registration_closed',
    'Registration is closed on this server: ask its administrator for an account',
  )
}

function plain(email: string) {
  return email.trim().toLowerCase()
}
