import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import { normalizedEmail } from './email.ts'
import { hashOf, newRefreshToken } from './opaque-tokens.ts'
import type { PasswordLimits } from './password-limits.ts'
import { DECOY, type Passwords } from './passwords.ts'
import type { RefreshChain } from './refresh-tokens.ts'
import { findReplacement } from './replacement.ts'
import { endSessionOf, insertSession, rotate } from './sessions.store.ts'
import { findUserByEmail } from './users.store.ts'

/** `address`: the client's IP address; null if it is unknown. */
export type Credentials = { email: string; password: string; address: string | null }

export type Tokens = { accessToken: string; refreshToken: string }

export type SessionServices = {
  db: Database
  passwords: Passwords
  accessTokens: { sign(claims: { sub: string; sid: string }): Promise<string> }
  refreshChain: RefreshChain
  /** Null: attempts are not counted. */
  limits: PasswordLimits | null
  /** Called after sessions have ended. */
  clearCallerCache: () => void
}

/** Opens, refreshes and ends sessions. */
export function createSessionsService({
  db,
  passwords,
  accessTokens,
  refreshChain,
  limits,
  clearCallerCache,
}: SessionServices) {
  async function openSession(userId: string): Promise<Tokens> {
    const refreshToken = newRefreshToken()
    const refreshHash = await hashOf(refreshToken)
    const sid = await db.transaction((tx) => insertSession(tx, { userId, refreshHash }))
    return { accessToken: await accessTokens.sign({ sub: userId, sid }), refreshToken }
  }

  return {
    openSession,

    /** Throws `rate_limited`, and `invalid_credentials` for an unknown user as for a wrong password. */
    async login({ email, password, address }: Credentials): Promise<Tokens> {
      const attempt = { email: normalizedEmail(email), address }
      await limits?.beforeLogin(attempt)
      const user = await findUserByEmail(db, attempt.email)
      const isRight = await passwords.verify(password, user?.passwordHash ?? DECOY)
      // An account without a password must not accept the password behind the decoy hash.
      if (!user?.passwordHash || !isRight) {
        throw new VerbatimError('invalid_credentials', 'Wrong email or password')
      }
      await limits?.afterLogin(attempt)
      return openSession(user.id)
    },

    /**
     * Exchanges a refresh token for new tokens. A refresh token can be used once. A second use within
     * seconds, by another tab or after a lost response, returns the same successor. A later second use ends
     * the session, because someone else may have the token. Throws `invalid_refresh_token`.
     */
    async refresh(token: string): Promise<Tokens> {
      const [refreshToken] = await refreshChain(token)
      const [hash, next] = await Promise.all([hashOf(token), hashOf(refreshToken)])
      const rotated = await db.transaction((tx) => rotate(tx, { hash, next }))
      const session = rotated
        ? { ...rotated, refreshToken }
        : await findReplacement({ db, refreshChain }, token)
      if (!session) {
        if (await endSessionOf(db, { hash, onlyUsed: true })) clearCallerCache()
        throw new VerbatimError(
          'invalid_refresh_token',
          'The refresh token is invalid, expired or already used: log in again',
        )
      }
      const accessToken = await accessTokens.sign({ sub: session.userId, sid: session.sessionId })
      return { accessToken, refreshToken: session.refreshToken }
    },

    /** Ends the session of a refresh token. An unknown token is ignored. */
    async logout(token: string): Promise<void> {
      if (await endSessionOf(db, { hash: await hashOf(token) })) clearCallerCache()
    },
  }
}
