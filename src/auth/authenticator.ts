import type { Database } from '../db/database.ts'
import { type Quota, VerbatimError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import type { AccessTokens, ReadClaims } from './access-tokens.ts'
import type { Authenticated, CallerCache } from './caller-cache.ts'
import { createCredentialWatch } from './credential-watch.ts'
import { insertIdentity, prepareFindIdentity, setIdentityEmail } from './identities.store.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { markKeyUsed, prepareFindKey } from './keys.store.ts'
import { hashOf, KEY_PREFIX } from './opaque-tokens.ts'
import { prepareFindCaller } from './sessions.store.ts'

/** `last_used_at` of an API key is written at most this often. */
const MARK_USED_MS = 60_000

/**
 * Finds the caller behind a bearer token: an access token, an API key, or a token of the identity provider,
 * whose subject gets an account with its first request. Throws `unauthorized`,
 * `identity_provider_unavailable` and `rate_limited`.
 */
export function createAuthenticator({
  db,
  accessTokens,
  identityProvider,
  callerCache,
  requestRate,
}: {
  db: Database
  accessTokens: Pick<AccessTokens, 'verify'>
  identityProvider: IdentityProvider | null
  /** Null: every request reads the database. */
  callerCache: Pick<CallerCache, 'find' | 'subscribe'> | null
  /** Counts a request of the user; null: requests are not counted. */
  requestRate: ((userId: string) => Promise<Quota>) | null
}) {
  const findCaller = prepareFindCaller(db)
  const findIdentity = prepareFindIdentity(db)
  const findKey = prepareFindKey(db)

  async function findByKey(token: string): Promise<Authenticated> {
    const key = await findKey(await hashOf(token))
    if (!key) throw unauthorized('The API key is invalid or revoked: send another one')
    if (Date.now() - (key.lastUsedAt?.getTime() ?? 0) > MARK_USED_MS) await markKeyUsed(db, key.id)
    return { caller: { userId: key.userId, scopes: key.scopes, sessionId: null }, expiresAt: null }
  }

  async function findBySession({ sub, sid, exp }: ReadClaims): Promise<Authenticated> {
    const sessionId = sid ?? null
    if (!isUuid(sub) || (sessionId !== null && !isUuid(sessionId))) throw unauthorized(NOT_VALID)
    const caller = await findCaller({ userId: sub, sessionId })
    if (!caller || caller.sessionId !== sessionId) {
      throw unauthorized('The session or account of this access token has ended: log in again')
    }
    return { caller: { userId: sub, scopes: SCOPES[caller.role], sessionId }, expiresAt: exp * 1000 }
  }

  async function findByToken(token: string): Promise<Authenticated> {
    const claims = await accessTokens.verify(token)
    if (claims) return findBySession(claims)
    const identity = await identityProvider?.verify(token)
    if (!identity) throw unauthorized(NOT_VALID)
    let user = await findIdentity(identity)
    if (!user) {
      await insertIdentity(db, identity)
      user = await findIdentity(identity)
    }
    if (!user) throw unauthorized(NOT_VALID)
    // A token without an email does not clear the email of an earlier token.
    if (identity.email !== null && identity.email !== user.email) await setIdentityEmail(db, identity)
    const caller = { userId: user.userId, scopes: SCOPES[user.role], sessionId: null }
    return { caller, expiresAt: identity.expiresAt }
  }

  const lookUp = (token: string) => (token.startsWith(KEY_PREFIX) ? findByKey(token) : findByToken(token))
  const find = async (token: string) =>
    callerCache ? callerCache.find(token, () => lookUp(token)) : lookUp(token)

  return {
    /** `afresh`: reads the database even if the caller is cached. */
    async authenticate(token: string, { afresh }: { afresh: boolean }) {
      const { caller } = await (afresh ? lookUp(token) : find(token))
      return { ...caller, quota: requestRate && (await requestRate(caller.userId)) }
    },

    watch: createCredentialWatch({ find, callerCache }),
  }
}

const NOT_VALID = 'The access token is not valid or has expired: log in again'

const SCOPES = {
  user: ['read', 'write', 'account'],
  admin: ['read', 'write', 'account', 'admin'],
} as const

const unauthorized = (message: string) => new VerbatimError('unauthorized', message)
