import type { Database } from '../db/database.ts'
import { VerbatimError } from '../errors.ts'
import type { Quota } from '../quota.ts'
import { isUuid } from '../uuid.ts'
import type { AccessTokens, ReadClaims } from './access-tokens.ts'
import type { Authenticated, CallerCache } from './caller-cache.ts'
import { createCredentialWatch } from './credential-watch.ts'
import { insertIdentity, prepareFindIdentity, setIdentityEmail } from './identities.store.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { markKeyUsed, prepareFindKey } from './keys.store.ts'
import { hashOf, KEY_PREFIX } from './opaque-tokens.ts'
import { prepareFindCaller } from './sessions.store.ts'

const USED_AGAIN_MS = 60_000

/**
 * Tells who a bearer token is of: an access token's user, for as long as the account and the session are there, an API
 * key's, or, where there is an identity provider, whom it names, who becomes a user when first seen. Throws
 * `unauthorized`, `identity_provider_unavailable`, and `rate_limited`.
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
  /** Null: each token is looked up at each request. */
  callerCache: Pick<CallerCache, 'find' | 'listen'> | null
  /** Counts a user's requests; null: they are not counted. */
  requestRate: ((userId: string) => Promise<Quota>) | null
}) {
  const findCaller = prepareFindCaller(db)
  const findIdentity = prepareFindIdentity(db)
  const findKey = prepareFindKey(db)

  async function ofKey(token: string): Promise<Authenticated> {
    const key = await findKey(await hashOf(token))
    if (!key) throw unauthorized('The API key is not valid: it may have been revoked')
    if (Date.now() - (key.lastUsedAt?.getTime() ?? 0) > USED_AGAIN_MS) await markKeyUsed(db, key.id)
    return { caller: { userId: key.userId, scopes: key.scopes, sessionId: null }, expiresAt: null }
  }

  async function ofAccessToken({ sub, sid, exp }: ReadClaims): Promise<Authenticated> {
    const sessionId = sid ?? null
    if (!isUuid(sub) || (sessionId !== null && !isUuid(sessionId))) throw unauthorized(NOT_VALID)
    const caller = await findCaller({ userId: sub, sessionId })
    if (!caller || caller.sessionId !== sessionId) {
      throw unauthorized('The access token is of an account or a session that has ended: log in again')
    }
    return { caller: { userId: sub, scopes: SCOPES[caller.role], sessionId }, expiresAt: exp * 1000 }
  }

  async function ofToken(token: string): Promise<Authenticated> {
    const claims = await accessTokens.verify(token)
    if (claims) return ofAccessToken(claims)
    const identity = await identityProvider?.verify(token)
    if (!identity) throw unauthorized(NOT_VALID)
    let user = await findIdentity(identity)
    if (!user) {
      await insertIdentity(db, identity)
      user = await findIdentity(identity)
    }
    if (!user) throw unauthorized(NOT_VALID)
    // A token without an address says nothing about the one that was verified before.
    if (identity.email !== null && identity.email !== user.email) await setIdentityEmail(db, identity)
    const caller = { userId: user.userId, scopes: SCOPES[user.role], sessionId: null }
    return { caller, expiresAt: identity.expiresAt }
  }

  const lookUp = (token: string) => (token.startsWith(KEY_PREFIX) ? ofKey(token) : ofToken(token))
  const find = async (token: string) =>
    callerCache ? callerCache.find(token, () => lookUp(token)) : lookUp(token)

  return {
    /** `afresh`: as the database has it now, also where the caller was found there a moment ago. */
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

const unauthorized = (sentence: string) => new VerbatimError('unauthorized', sentence)
